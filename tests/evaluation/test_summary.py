from dataclasses import replace
from types import SimpleNamespace

import pytest

from nwb_spikeinference.evaluation.statistics import benjamini_hochberg
from nwb_spikeinference.evaluation.summary import UnitValue, lobo_records, model_records, transfer_records


def values(planted: SimpleNamespace, n_participants: int) -> list[UnitValue]:
    rows = planted.make_rows(n_participants, roc_auc=planted.by_type(0.60, 0.70))
    return [UnitValue(participant=row.participant, cell_type=row.cell_type, value=row.roc_auc) for row in rows]


def test_each_cell_group_has_a_row_with_its_mean_over_units(planted: SimpleNamespace) -> None:
    records = model_records(
        values(planted, 8), protocol="unseen-participant", model="main", metric="roc_auc", context=planted.context
    )
    assert [(one.cell_type, one.n_units, one.n_participants) for one in records] == [
        ("all", 48, 8),
        ("excitatory", 24, 8),
        ("inhibitory", 24, 8),
    ]
    assert [one.mean for one in records] == pytest.approx([0.65, 0.60, 0.70], abs=0.006)


def test_intervals_enclose_the_mean(planted: SimpleNamespace) -> None:
    for one in model_records(
        values(planted, 8), protocol="unseen-participant", model="main", metric="roc_auc", context=planted.context
    ):
        assert one.low is not None
        assert one.high is not None
        assert one.low < one.mean < one.high


def test_two_participants_have_a_mean_and_no_interval(planted: SimpleNamespace) -> None:
    records = model_records(
        values(planted, 2), protocol="within-session", model="main", metric="roc_auc", context=planted.context
    )
    assert {(one.low, one.high) for one in records} == {(None, None)}


def test_units_without_a_value_do_not_count(planted: SimpleNamespace) -> None:
    some = [*values(planted, 4), UnitValue(participant="P99", cell_type="excitatory", value=None)]
    records = model_records(some, protocol="within-session", model="main", metric="roc_auc", context=planted.context)
    assert (records[0].n_units, records[0].n_participants) == (24, 4)


def test_bands_come_from_low_to_high_with_corrected_p(planted: SimpleNamespace) -> None:
    rows = planted.make_rows(lobo_drop=planted.per_band(low_gamma=0.03))
    records = [
        one for one in lobo_records(rows, model="main", mode="drop", context=planted.context) if one.cell_type == "all"
    ]
    assert [one.band for one in records] == [band.name for band in planted.context.bands]
    gamma = next(one for one in records if one.band == "low_gamma")
    smallest = 2 / (planted.context.n_draws + 1)
    assert gamma.delta_roc_auc == pytest.approx(0.03, abs=0.004)
    assert gamma.p == pytest.approx(benjamini_hochberg([smallest, *[1.0] * 6])[0])


def test_bands_that_were_not_left_out_have_no_row(planted: SimpleNamespace) -> None:
    rows = [replace(row, lobo_drop={"theta": 0.01}) for row in planted.make_rows()]
    records = lobo_records(rows, model="main", mode="drop", context=planted.context)
    assert {one.band for one in records} == {"theta"}
    assert lobo_records(rows, model="main", mode="only", context=planted.context) == ()


def test_transfer_has_a_row_per_place_and_cell_group(planted: SimpleNamespace) -> None:
    rows = planted.make_rows(transfer_roc_auc=planted.by_type(0.6, 0.7), within_roc_auc=planted.noisy(0.65, 5))
    records = transfer_records(rows, planted.context)
    assert len(records) == 9
    one = next(
        r for r in records if (r.test_region, r.test_hemisphere, r.cell_type) == ("hippocampus", "right", "inhibitory")
    )
    assert (one.n_units, one.n_participants) == (12, 12)
    assert one.roc_auc == pytest.approx(0.7, abs=0.01)
    assert one.within_roc_auc == pytest.approx(0.65, abs=0.01)


def test_a_score_by_the_model_of_all_places_over_other_units_is_not_given(planted: SimpleNamespace) -> None:
    rows = planted.make_rows(
        transfer_roc_auc=planted.noisy(0.6), within_roc_auc=lambda row: None if row.participant == "P00" else 0.65
    )
    assert {one.within_roc_auc for one in transfer_records(rows, planted.context)} == {None}


def test_units_of_unknown_region_have_no_transfer_row(planted: SimpleNamespace) -> None:
    rows = [replace(row, region=None) for row in planted.make_rows(transfer_roc_auc=planted.noisy(0.6))]
    assert transfer_records(rows, planted.context) == ()
