"""The report as one HTML file."""

import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from nwb_spikeinference.records import ParticipantRecord, Results
from nwb_spikeinference.report.absence import why_no_lobo, why_no_transfer
from nwb_spikeinference.report.build import render_report, write_report
from nwb_spikeinference.report.examples import TraceExample
from nwb_spikeinference.report.figures.lobo import draw_lobo
from nwb_spikeinference.report.scope import find_scope

MakeResults = Callable[..., Results]
HOSTILE = "<script>alert(1)</script>\"'&"


class Page(HTMLParser):
    """Tags and attributes of a page, and whether every tag that opens closes."""

    VOID = frozenset({"meta", "br"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def one_participant(results: Results) -> Results:
    person = results.participants[0].participant
    return results.model_copy(
        update={
            "participants": results.participants[:1],
            "units": tuple(unit for unit in results.units if unit.participant == person),
            "models": tuple(
                record.model_copy(update={"protocol": "within-session", "low": None, "high": None, "n_participants": 1})
                for record in results.models
            ),
            **dict.fromkeys(("folds", "lobo", "transfer", "hypotheses"), ()),
        }
    )


@pytest.fixture(scope="module")
def html(make_results: MakeResults, example: TraceExample) -> str:
    return render_report(make_results(), (example,))


@pytest.fixture(scope="module")
def html_of_one(make_results: MakeResults) -> str:
    return render_report(one_participant(make_results()))


@pytest.mark.parametrize("number", ["0.620", "0.730", "[0.609, 0.631]", "0.034", "0.608", "0.110", "0.641"])
def test_the_page_holds_the_numbers_of_the_results(html: str, number: str) -> None:
    assert number in html


def test_the_answer_names_participants_units_protocol_predictor_and_null(html: str) -> None:
    answer = re.search(r'<p class="answer">(.*?)</p>', html, re.DOTALL)
    assert answer is not None
    for words in ("6 of 7 units", "3 participants", "never saw", "other wires", "null 0.500", "H2 is confounded"):
        assert words in answer[1]


def test_every_tag_closes(html: str) -> None:
    assert Page(html).open == []


def test_the_page_refers_to_nothing_outside_itself(html: str) -> None:
    page = Page(html)
    references = [value or "" for name, value in page.attributes if name in ("src", "href", "srcset", "action", "data")]
    assert references
    assert all(reference.startswith("#") for reference in references)
    assert not re.search(r"https?:|//[a-z]|@import|url\((?!#)", html)
    assert not {"script", "link", "img", "iframe", "object"} & set(page.tags)


def test_every_link_inside_the_page_has_a_target_and_every_id_is_unique(html: str) -> None:
    attributes = Page(html).attributes
    ids = [value for name, value in attributes if name == "id"]
    assert len(ids) == len(set(ids))
    used = {(value or "")[1:] for name, value in attributes if name == "href"} | set(
        re.findall(r"url\(#([^)]*)\)", html)
    )
    assert used <= set(ids)


def test_ids_and_messages_cannot_become_markup(make_results: MakeResults, example: TraceExample) -> None:
    results = make_results(name=HOSTILE)
    results = results.model_copy(
        update={
            "participants": tuple(p.model_copy(update={"participant": HOSTILE}) for p in results.participants),
            "units": tuple(u.model_copy(update={"participant": HOSTILE, "region": HOSTILE}) for u in results.units),
            "flags": tuple(f.model_copy(update={"message": HOSTILE, "where": HOSTILE}) for f in results.flags),
            "lobo": tuple(r.model_copy(update={"band": r.band + HOSTILE}) for r in results.lobo),
            "transfer": tuple(r.model_copy(update={"test_region": r.test_region + HOSTILE}) for r in results.transfer),
            "models": tuple(r.model_copy(update={"model": r.model + HOSTILE}) for r in results.models),
        }
    )
    page = Page(render_report(results, (example,)))
    assert "script" not in page.tags
    assert page.open == []


def test_mathtext_control_characters_and_foreign_scripts_in_names_do_no_harm(make_results: MakeResults) -> None:
    results = make_results()
    names = ["$\\frac", "theta\x01", "海马"]
    lobo = tuple(r.model_copy(update={"band": name}) for r, name in zip(results.lobo, names, strict=True))
    drawing = draw_lobo(find_scope(results.model_copy(update={"lobo": lobo})))
    assert drawing is not None
    assert "$\\frac" in drawing.svg
    assert "海马" in drawing.svg


def test_equal_results_give_equal_bytes(
    make_results: MakeResults, example: TraceExample, html: str, tmp_path: Path
) -> None:
    write_report(make_results(), tmp_path / "again.html", (example,))
    assert (tmp_path / "again.html").read_bytes() == html.encode()


def test_serious_flags_stand_first(html: str) -> None:
    flags = html[html.index('<section id="flags">') :]
    assert flags.index("own wire is better by 0.05") < flags.index("only 3 participants")


def test_one_participant_says_why_sections_are_missing(html_of_one: str) -> None:
    for what in (
        "Testing on unseen participants",
        "Leaving bands out",
        "Transfer between places",
        "Judging a hypothesis",
    ):
        reason = f"{what} needs at least two participants with usable units; this study has 1 participant."
        assert reason in html_of_one


def test_a_missing_interval_is_a_dash_with_its_reason(html_of_one: str) -> None:
    assert "[—]" in html_of_one
    assert "no interval: it needs at least two participants" in html_of_one


def test_bands_switched_off_are_said_to_be(make_results: MakeResults) -> None:
    results = make_results(lobo=())
    settings = {**results.provenance.settings, "lobo": {"mode": "off"}}
    provenance = results.provenance.model_copy(update={"settings": settings})
    assert "switched off" in why_no_lobo(results.model_copy(update={"provenance": provenance}))


def test_no_unit_at_the_training_place_is_said(make_results: MakeResults) -> None:
    units = tuple(unit.model_copy(update={"hemisphere": "right"}) for unit in make_results().units)
    reason = why_no_transfer(make_results(transfer=(), units=units))
    assert "No usable unit lies in the place to train on (left hippocampus)" in reason


def test_nan_and_none_never_reach_the_page(make_results: MakeResults) -> None:
    results = make_results()
    nan = {"mean": np.nan, "low": np.nan, "high": np.nan}
    models = tuple(record.model_copy(update=nan) for record in results.models)
    html = render_report(results.model_copy(update={"models": models}))
    assert not re.search(r"\bnan\b|\bNone\b", html)
    assert "the score could not be computed" in html
    assert "no slope could be fitted" in html


def test_an_excluded_unit_stands_with_its_reason(html: str) -> None:
    assert "3 spikes; at least 15 are needed" in html


def test_a_study_without_units_still_has_a_report(make_results: MakeResults) -> None:
    nobody = ParticipantRecord(
        participant="P01", sessions=1, bundles=1, wires=8, units=0, excluded_reason="no sorted unit in the file"
    )
    parts = ("folds", "units", "models", "lobo", "transfer", "hypotheses", "flags")
    html = render_report(make_results(participants=(nobody,), **dict.fromkeys(parts, ())))
    assert "No unit could be scored" in html
    assert "no sorted unit in the file" in html
    assert "No flags" in html
    assert Page(html).open == []


def test_every_figure_says_protocol_predictor_units_and_participants(html: str) -> None:
    captions = re.findall(r"<figcaption>(.*?)</figcaption>", html, re.DOTALL)
    assert len(captions) == 6
    for caption in captions:
        assert re.search(r"Protocol: .*n\s=\s\d+ units?, (at most )?\d+ participants?", caption, re.DOTALL)
        assert "Predictor: neighbour wires" in caption


def test_every_figure_has_a_text_for_those_who_cannot_see_it(html: str) -> None:
    pictures = re.findall(r"<svg [^>]*>", html)
    assert len(pictures) == 6
    assert all('role="img"' in picture and re.search(r'aria-label="[^"]{20,}', picture) for picture in pictures)
