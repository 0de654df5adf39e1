"""
The page docs/verdicts.md, from finished studies.
"""

import platform
import textwrap
from collections.abc import Iterator, Sequence
from importlib.metadata import version

from _verdict_demands import (
    CELL_TYPES,
    DEMANDS,
    FALSE_CLAIMS,
    LOGISTIC,
    Demand,
    FinishedStudy,
    find_score,
    wrongly_supported,
)

from nwb_spikeinference.records import CellGroup

PACKAGES = ("numpy", "scipy", "scikit-learn", "keras", "tensorflow")
SHOWN_FLAGS = ("bleed-through", "bleed-fingerprint", "drift", "polarity", "too-little-data")
DEFINITION = (
    "Wrongly supported means: any of H1 to H4 in `null` and `drift`; H2 in `equal-coupling`; H4 in `no-gamma`; H3 in "
    "`polarity`. In `bleed` nothing that is judged is false (H1, H2 and H4 hold as in `default`, H3 is not judged), so "
    "its studies are not counted here: its demands above ask for H2 and H4 as in `default`."
)
DEMANDS_NOTE = "One number or verdict per seed; - where no finished study can answer."
SCORES_NOTE = (
    "Mean ROC-AUC over units of unseen participants, neighbour predictor, with 95 % participant intervals. *Null*: "
    "mean over circular shifts, all units. *Slope*: calibration slope of excitatory / inhibitory units. *s*: seconds "
    "that the study took."
)


def write_page(studies: Sequence[FinishedStudy], command: str, scope: str, missing: Sequence[str]) -> str:
    """
    Markdown of all tables.

    Parameters
    ----------
    scope : str
        Participants, seconds and settings, in words.
    missing : sequence of str
        Studies that were asked for and are not finished.
    """
    parts = [
        "# Verdicts on simulated worlds",
        _wrap(f"Each world is simulated with known truth and studied from its NWB files. {scope}"),
        f"```\n{command}\n```",
        _wrap(versions_line(studies)),
    ]
    if missing:
        parts.append(_wrap(f"Not finished, and in no table: {', '.join(missing)}."))
    parts += ["## Demands", DEMANDS_NOTE, _lines(demand_rows(studies))]
    parts += ["## Counts", _wrap(DEFINITION), _lines(count_lines(studies))]
    parts += [
        "## Scores",
        _wrap(SCORES_NOTE),
        _lines(score_rows(studies)),
    ]
    if rows := list(beside_rows(studies)):
        parts += ["## Other networks in the same studies", "\n".join(rows)]
    parts += ["## Verdicts and flags", _lines(verdict_rows(studies))]
    parts += ["## Reasons", _lines(reason_lines(studies))]
    return "\n\n".join(parts) + "\n"


def versions_line(studies: Sequence[FinishedStudy]) -> str:
    """What computed the studies, and what printed them."""
    programs = sorted(
        {f"{one.results.provenance.version} ({one.results.provenance.git or 'no git'})" for one in studies}
    )
    packages = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    return f"nwb-spikeinference {', '.join(programs)}; Python {platform.python_version()}, {packages}."


def demand_rows(studies: Sequence[FinishedStudy]) -> Iterator[str]:
    """One row per demand, one column per model."""
    models = models_of(studies)
    yield from _header(["world", "demand", *(f"by {model}" for model in models)])
    for demand in DEMANDS:
        cells = [_demand_cell(demand, [one for one in studies if one.model == model]) for model in models]
        yield _row([demand.world, demand.text, *cells])


def _demand_cell(demand: Demand, studies: Sequence[FinishedStudy]) -> str:
    findings = [finding for one in studies if one.world == demand.world and (finding := demand.check(one)) is not None]
    if not findings:
        return "-"
    n_met = sum(finding.is_met for finding in findings)
    word = "met" if n_met == len(findings) else "**missed**"
    share = "" if len(findings) == 1 else f" {n_met} of {len(findings)}"
    return f"{word}{share}: {', '.join(finding.found for finding in findings)}"


def count_lines(studies: Sequence[FinishedStudy]) -> Iterator[str]:
    """How often a false claim was supported, and how often true ones were."""
    for model in models_of(studies):
        mine = [one for one in studies if one.model == model]
        judged = [one for one in mine if one.world in FALSE_CLAIMS]
        wrong = [f"{one.world} {one.seed} ({', '.join(names)})" for one in judged if (names := wrongly_supported(one))]
        where = f": {'; '.join(wrong)}" if wrong else ""
        n_false = sum(len(FALSE_CLAIMS[one.world]) for one in judged)
        yield f"- {model}: wrongly supported in {len(wrong)} of {len(judged)} studies ({n_false} false claims){where}"
        plain = [one for one in mine if one.world == "default"]
        for name in ("H2", "H4"):
            found = sum(one.verdict(name) == "supported" for one in plain)
            yield f"- {model}: {name} found in `default` in {found} of {len(plain)}"


def score_rows(studies: Sequence[FinishedStudy]) -> Iterator[str]:
    """One row per study."""
    shorts = ("E", "I")
    yield from _header(
        [
            "world",
            "seed",
            "main model",
            *(f"ROC-AUC {short}" for short in shorts),
            *(f"logistic {short}" for short in shorts),
            "null",
            "slope",
            "slope of logistic",
            "units",
            "s",
        ]
    )
    for one in studies:
        is_network = one.model != LOGISTIC
        everybody = find_score(one.results, one.model, "all", "roc_auc")
        yield _row(
            [
                one.world,
                str(one.seed),
                one.model,
                *(_interval_cell(one, one.model, cell_type) for cell_type in CELL_TYPES),
                *(_interval_cell(one, LOGISTIC, cell_type) if is_network else "" for cell_type in CELL_TYPES),
                _mean_cell(one, one.model, "all", "roc_auc_null"),
                _slopes(one, one.model),
                _slopes(one, LOGISTIC) if is_network else "",
                f"{everybody.n_units} of {everybody.n_participants} participants" if everybody else "",
                f"{one.results.provenance.seconds:.0f}",
            ]
        )


def beside_rows(studies: Sequence[FinishedStudy]) -> Iterator[str]:
    """One row per study and network that is not its main model."""
    header = list(_header(["world", "seed", "model", "ROC-AUC E", "ROC-AUC I", "minus logistic E / I", "slope"]))
    for one in studies:
        for model in sorted({record.model for record in one.results.models} - {one.model, LOGISTIC, "rate"}):
            yield from header
            header = []
            scores = [_interval_cell(one, model, cell_type) for cell_type in CELL_TYPES]
            gains = [_gain(one, model, cell_type) for cell_type in CELL_TYPES]
            yield _row([one.world, str(one.seed), model, *scores, " / ".join(gains), _slopes(one, model)])


def _gain(study: FinishedStudy, model: str, cell_type: CellGroup) -> str:
    pair = [find_score(study.results, name, cell_type, "roc_auc") for name in (model, LOGISTIC)]
    return "" if pair[0] is None or pair[1] is None else f"{pair[0].mean - pair[1].mean:+.3f}"


def _interval_cell(study: FinishedStudy, model: str, cell_type: CellGroup) -> str:
    score = find_score(study.results, model, cell_type, "roc_auc")
    if score is None or score.low is None or score.high is None:
        return "" if score is None else f"{score.mean:.3f}"
    return f"{score.mean:.3f} [{score.low:.3f}, {score.high:.3f}]"


def _mean_cell(study: FinishedStudy, model: str, cell_type: CellGroup, metric: str) -> str:
    score = find_score(study.results, model, cell_type, metric)
    return "" if score is None else f"{score.mean:.3f}"


def _slopes(study: FinishedStudy, model: str) -> str:
    return " / ".join(_mean_cell(study, model, cell_type, "calibration_slope") for cell_type in CELL_TYPES)


def verdict_rows(studies: Sequence[FinishedStudy]) -> Iterator[str]:
    """One row per study: four verdicts and the flags that matter here."""
    yield from _header(["world", "seed", "main model", "H1", "H2", "H3", "H4", "flags"])
    for one in studies:
        verdicts = [one.verdict(name) for name in ("H1", "H2", "H3", "H4")]
        flags = ", ".join(flag for flag in one.flags if flag in SHOWN_FLAGS)
        yield _row([one.world, str(one.seed), one.model, *verdicts, flags])


def reason_lines(studies: Sequence[FinishedStudy]) -> Iterator[str]:
    """The reasons of all verdicts."""
    for one in studies:
        yield f"- {one.world} {one.seed}, {one.model}"
        yield from (f"  - {each.id} {each.verdict}: {each.reason}" for each in one.results.hypotheses)


def models_of(studies: Sequence[FinishedStudy]) -> tuple[str, ...]:
    """Main models, logistic regression last."""
    return tuple(sorted({one.model for one in studies}, key=lambda model: (model == LOGISTIC, model)))


def _header(names: Sequence[str]) -> tuple[str, str]:
    return _row(names), "|" + "---|" * len(names)


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _wrap(text: str) -> str:
    return textwrap.fill(text, 118, break_on_hyphens=False, break_long_words=False)


def _lines(lines: Iterator[str]) -> str:
    return "\n".join(lines)
