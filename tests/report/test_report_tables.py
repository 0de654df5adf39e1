"""Tables of scores in the page, and results.csv."""

import csv
from collections.abc import Callable
from pathlib import Path

import pytest

from nwb_spikeinference.records import Results, UnitModelScore
from nwb_spikeinference.report.cells import format_number, format_p
from nwb_spikeinference.report.headline import write_answer
from nwb_spikeinference.report.model_tables import model_tables
from nwb_spikeinference.report.results_csv import COLUMNS, write_results_csv
from nwb_spikeinference.report.scope import find_scope

MakeResults = Callable[..., Results]


def read_rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def score(**parts: object) -> UnitModelScore:
    known = {"participant": "P01", "session": "baseline", "unit_row": 0, "protocol": "unseen-participant"}
    return UnitModelScore.model_validate({**known, "model": "logistic", "metric": "roc_auc", "value": 0.59, **parts})


def test_csv_has_one_row_per_unit_model_and_metric(make_results: MakeResults, tmp_path: Path) -> None:
    write_results_csv(make_results(), tmp_path / "results.csv", [score()])
    rows = read_rows(tmp_path / "results.csv")
    assert tuple(rows[0]) == COLUMNS
    keys = [tuple(row[name] for name in COLUMNS if name not in ("value", "excluded_reason")) for row in rows]
    assert len(set(keys)) == len(keys)


def test_csv_holds_baselines_with_the_facts_of_their_unit(make_results: MakeResults, tmp_path: Path) -> None:
    write_results_csv(make_results(), tmp_path / "results.csv", [score()])
    (row,) = [row for row in read_rows(tmp_path / "results.csv") if row["model"] == "logistic"]
    assert (row["value"], row["region"], row["cell_type"], row["predictor"]) == (
        "0.59",
        "amygdala",
        "excitatory",
        "neighbour",
    )


def test_csv_leaves_out_scores_that_repeat_the_main_model(make_results: MakeResults, tmp_path: Path) -> None:
    write_results_csv(make_results(), tmp_path / "results.csv", [score(model="bilstm", value=0.6)])
    rows = read_rows(tmp_path / "results.csv")
    assert sum((row["unit_id"], row["model"], row["metric"]) == ("0", "bilstm", "roc_auc") for row in rows) == 1


def test_csv_keeps_the_own_wire_apart(make_results: MakeResults, tmp_path: Path) -> None:
    write_results_csv(make_results(), tmp_path / "results.csv", [score(model="bilstm", predictor="own", value=0.7)])
    assert [row["value"] for row in read_rows(tmp_path / "results.csv") if row["predictor"] == "own"] == ["0.7"]


def test_csv_lists_an_excluded_unit_with_its_reason(make_results: MakeResults, tmp_path: Path) -> None:
    write_results_csv(make_results(), tmp_path / "results.csv")
    (row,) = [row for row in read_rows(tmp_path / "results.csv") if row["unit_id"] == "99"]
    assert (row["value"], row["excluded_reason"]) == ("", "3 spikes; at least 15 are needed")


@pytest.mark.parametrize(
    ("written", "kept"),
    [("=1+1", "'=1+1"), ("@SUM(A1)", "'@SUM(A1)"), ("+cmd|' /C'!A0", "'+cmd|' /C'!A0"), ("-12", "-12"), ("Ä-1", "Ä-1")],
)
def test_csv_text_is_no_formula(make_results: MakeResults, tmp_path: Path, written: str, kept: str) -> None:
    results = make_results()
    units = tuple(unit.model_copy(update={"participant": written}) for unit in results.units)
    write_results_csv(results.model_copy(update={"units": units}), tmp_path / "results.csv")
    assert {row["participant"] for row in read_rows(tmp_path / "results.csv")} == {kept}


def test_accuracy_stands_beside_the_majority_class(make_results: MakeResults) -> None:
    secondary = model_tables(find_scope(make_results()))[0].secondary
    assert secondary is not None
    (row,) = secondary.rows
    assert row[2].text == "0.980"
    assert "majority class 0.981" in row[2].beside


def test_accuracy_is_not_shown_without_the_majority_class(make_results: MakeResults) -> None:
    results = make_results()
    models = tuple(record for record in results.models if record.metric != "majority_accuracy")
    secondary = model_tables(find_scope(results.model_copy(update={"models": models})))[0].secondary
    assert secondary is not None
    assert secondary.rows[0][2].text == "—"
    assert "not shown without" in secondary.notes[0]


def test_baselines_come_first_where_there_was_too_little_data(make_results: MakeResults) -> None:
    results = make_results()
    flag = results.flags[0].model_copy(update={"id": "too-little-data"})
    table = model_tables(find_scope(results.model_copy(update={"flags": (flag,)})))[0].primary
    assert table.headers[2:4] == ("logistic", "BiLSTM (main)")


@pytest.mark.parametrize(
    ("value", "text"), [(0.12345, "0.123"), (-0.5, "−0.500"), (-0.0001, "0.000"), (None, "—"), (float("nan"), "—")]
)
def test_numbers_as_text(value: float | None, text: str) -> None:
    assert format_number(value) == text


@pytest.mark.parametrize(("value", "text"), [(0.0004, "< 0.001"), (0.02, "0.020"), (None, "—")])
def test_p_values_as_text(value: float | None, text: str) -> None:
    assert format_p(value) == text


def with_discharges(make_results: MakeResults) -> Results:
    """The small study, whose main model loses 0.02 where discharges are included."""
    results = make_results()
    (main,) = [one for one in results.models if (one.model, one.metric, one.cell_type) == ("bilstm", "roc_auc", "all")]
    included = main.model_copy(
        update={"metric": "roc_auc_with_discharges", "mean": 0.6051, "low": 0.59, "high": 0.6202}
    )
    return make_results(models=(*results.models, included))


def test_the_score_with_discharges_stands_right_below_that_without(make_results: MakeResults) -> None:
    (group, *_) = model_tables(find_scope(with_discharges(make_results)))
    metrics = [row[0].text for row in group.primary.rows]
    assert metrics == ["ROC-AUC"] * 3 + ["ROC-AUC, discharges included"]


def test_the_answer_says_what_discharges_change(make_results: MakeResults) -> None:
    (sentence,) = [one for one in write_answer(find_scope(with_discharges(make_results))) if "discharges" in one]
    assert "AUC over all units from 0.625 to 0.605 [0.590, 0.620]" in sentence


def test_the_answer_is_silent_on_discharges_where_none_were_found(make_results: MakeResults) -> None:
    assert "discharges" not in " ".join(write_answer(find_scope(make_results())))
