from dataclasses import replace
from types import SimpleNamespace

import pytest

from nwb_spikeinference.evaluation.duplicates import Duplicate
from nwb_spikeinference.evaluation.evidence import UnitEvidence
from nwb_spikeinference.evaluation.flags import study_flags


def ids(rows: list[UnitEvidence], planted: SimpleNamespace) -> list[str]:
    return [flag.id for flag in study_flags(rows, planted.context)]


def test_a_sound_study_has_no_flags(planted: SimpleNamespace) -> None:
    rows = planted.make_rows(
        roc_auc=planted.noisy(0.62, 1),
        baseline_roc_auc=planted.noisy(0.61, 2),
        own_wire_roc_auc=planted.noisy(0.63, 3),
        null_roc_auc=planted.noisy(0.5, 4),
        swapped_roc_auc=planted.noisy(0.5, 5),
        clock_roc_auc=planted.noisy(0.5, 6),
        lobo_drop=planted.per_band(10, low_gamma=0.02),
        transfer_roc_auc=planted.noisy(0.61, 7),
        base_rate=lambda row: 0.06,
    )
    assert ids(rows, planted) == []


@pytest.mark.parametrize(("gain", "expected"), [(0.029, []), (0.031, ["bleed-through"])])
def test_own_wire_far_above_the_neighbours_is_bleed_through(
    planted: SimpleNamespace, gain: float, expected: list[str]
) -> None:
    rows = planted.make_rows(
        roc_auc=planted.spread(0.62),
        own_wire_roc_auc=planted.spread(0.62 + gain),
        lobo_drop=planted.per_band(10, low_gamma=0.02),
    )
    assert ids(rows, planted) == expected


def test_the_own_wire_in_use_is_a_serious_fingerprint(planted: SimpleNamespace) -> None:
    flags = study_flags(planted.make_rows(), replace(planted.context, predictor="own"))
    assert [(flag.id, flag.severity) for flag in flags] == [("bleed-fingerprint", "serious")]


def test_bands_that_were_not_compared_leave_leaked_spikes_unchecked(planted: SimpleNamespace) -> None:
    flags = study_flags(planted.make_rows(roc_auc=planted.noisy(0.6)), planted.context)
    assert [(flag.id, flag.severity) for flag in flags] == [("bleed-unchecked", "warning")]


@pytest.mark.parametrize("n_participants", [1, 4])
def test_a_study_too_small_for_verdicts_need_not_look_for_leaked_spikes(
    planted: SimpleNamespace, n_participants: int
) -> None:
    assert ids(planted.make_rows(n_participants, roc_auc=planted.noisy(0.6)), planted) == ["few-participants"]


@pytest.mark.parametrize("null", ["null_roc_auc", "swapped_roc_auc"])
def test_a_null_far_from_one_half_is_drift(planted: SimpleNamespace, null: str) -> None:
    assert ids(planted.make_rows(**{null: planted.noisy(0.54)}), planted) == ["drift"]


@pytest.mark.parametrize(("null", "expected"), [(0.519, []), (0.481, []), (0.521, ["drift"]), (0.479, ["drift"])])
def test_a_null_drifts_from_two_hundredths_on(planted: SimpleNamespace, null: float, expected: list[str]) -> None:
    assert ids(planted.make_rows(null_roc_auc=planted.spread(null, 0.001)), planted) == expected


def test_a_null_whose_interval_holds_one_half_does_not_drift(planted: SimpleNamespace) -> None:
    assert ids(planted.make_rows(null_roc_auc=planted.spread(0.521, 0.01)), planted) == []


@pytest.mark.parametrize("n_participants", [1, 2])
def test_a_null_of_fewer_than_three_participants_shows_no_drift(planted: SimpleNamespace, n_participants: int) -> None:
    rows = planted.make_rows(n_participants, null_roc_auc=lambda row: 0.53)
    assert ids(rows, planted) == ["few-participants"]


@pytest.mark.parametrize("n_participants", [1, 2])
def test_bands_of_fewer_than_three_participants_are_no_fingerprint(
    planted: SimpleNamespace, n_participants: int
) -> None:
    rows = planted.make_rows(n_participants, lobo_drop=lambda row: {"low_gamma": 0.001, "high_frequency": 0.002})
    assert ids(rows, planted) == ["few-participants"]


@pytest.mark.parametrize("clock", [0.72, 0.28, 0.0])
def test_rates_that_time_alone_predicts_are_drift(planted: SimpleNamespace, clock: float) -> None:
    rows = planted.make_rows(clock_roc_auc=lambda row: clock if row.unit_id < 2 else 0.5)
    assert ids(rows, planted) == ["drift"]


@pytest.mark.parametrize(
    ("n_spikes", "clock", "expected"),
    [(1000, 0.59, []), (1000, 0.61, ["drift"]), (36, 0.64, []), (36, 0.65, ["drift"])],  # 3 * 0.29 / 6 is 0.145
)
def test_time_predicts_a_unit_from_a_tenth_and_three_standard_errors_on(
    planted: SimpleNamespace, n_spikes: int, clock: float, expected: list[str]
) -> None:
    rows = [replace(row, n_spikes=n_spikes) for row in planted.make_rows(clock_roc_auc=lambda row: clock)]
    assert ids(rows, planted) == expected


@pytest.mark.parametrize(("n_drifting", "expected"), [(14, []), (15, ["drift"])])  # of 72 units
def test_a_fifth_of_all_units_must_drift(planted: SimpleNamespace, n_drifting: int, expected: list[str]) -> None:
    rows = planted.make_rows(clock_roc_auc=planted.spread(0.5))
    drifting = [replace(row, clock_roc_auc=0.8) for row in rows[:n_drifting]]
    assert ids([*drifting, *rows[n_drifting:]], planted) == expected


def test_a_clock_far_off_on_a_handful_of_spikes_is_chance(planted: SimpleNamespace) -> None:
    rows = [replace(row, n_spikes=15) for row in planted.make_rows(clock_roc_auc=lambda row: 0.65)]
    assert "drift" not in ids(rows, planted)


def test_rare_spikes_are_class_imbalance(planted: SimpleNamespace) -> None:
    (flag,) = study_flags(planted.make_rows(base_rate=lambda row: 0.012), planted.context)
    assert flag.id == "class-imbalance"
    assert "never predicting one is 98.8% accurate" in flag.message


@pytest.mark.parametrize(("base_rate", "expected"), [(0.049, ["class-imbalance"]), (0.05, [])])
def test_spikes_in_fewer_than_one_bin_of_twenty_are_rare(
    planted: SimpleNamespace, base_rate: float, expected: list[str]
) -> None:
    assert ids(planted.make_rows(base_rate=lambda row: base_rate), planted) == expected


def test_ten_participants_are_not_few(planted: SimpleNamespace) -> None:
    assert ids(planted.make_rows(10), planted) == []


@pytest.mark.parametrize(("n_participants", "severity"), [(4, "serious"), (5, "warning"), (9, "warning")])
def test_few_participants_are_flagged(planted: SimpleNamespace, n_participants: int, severity: str) -> None:
    (flag,) = study_flags(planted.make_rows(n_participants), planted.context)
    assert (flag.id, flag.severity) == ("few-participants", severity)


def test_a_network_behind_logistic_regression_has_too_little_data(planted: SimpleNamespace) -> None:
    rows = planted.make_rows(
        roc_auc=planted.noisy(0.58, 1),
        baseline_roc_auc=planted.noisy(0.61, 2),
        lobo_drop=planted.per_band(10, low_gamma=0.02),
    )
    assert ids(rows, planted) == ["too-little-data"]


@pytest.mark.parametrize(("loss", "expected"), [(0.009, []), (0.011, ["too-little-data"])])
def test_a_network_may_fall_one_hundredth_behind(planted: SimpleNamespace, loss: float, expected: list[str]) -> None:
    rows = planted.make_rows(
        roc_auc=planted.spread(0.6),
        baseline_roc_auc=planted.spread(0.6 + loss),
        lobo_drop=planted.per_band(10, low_gamma=0.02),
    )
    assert ids(rows, planted) == expected


@pytest.mark.parametrize(("n_spikes", "expected"), [(29, ["too-little-data"]), (30, [])])
def test_thirty_spikes_of_the_median_unit_are_enough(
    planted: SimpleNamespace, n_spikes: int, expected: list[str]
) -> None:
    assert ids([replace(row, n_spikes=n_spikes) for row in planted.make_rows()], planted) == expected


def test_units_of_few_spikes_are_too_little_data(planted: SimpleNamespace) -> None:
    (flag,) = study_flags([replace(row, n_spikes=16) for row in planted.make_rows()], planted.context)
    assert flag.id == "too-little-data"
    assert "near 0.07" in flag.message


@pytest.mark.parametrize(("auc", "expected"), [(0.85, []), (0.851, ["too-good"])])
def test_a_score_is_too_good_above_a_border(planted: SimpleNamespace, auc: float, expected: list[str]) -> None:
    rows = planted.make_rows(roc_auc=lambda row: auc, lobo_drop=planted.per_band(10, low_gamma=0.02))
    assert ids(rows, planted) == expected


def test_a_score_too_good_to_be_true_names_its_unit(planted: SimpleNamespace) -> None:
    rows = planted.make_rows(
        roc_auc=lambda row: 0.97 if (row.participant, row.unit_id) == ("P03", 2) else 0.6,
        lobo_drop=planted.per_band(10, low_gamma=0.02),
    )
    (flag,) = study_flags(rows, planted.context)
    assert (flag.id, flag.where) == ("too-good", "P03 one unit 2")


def test_a_place_below_one_half_is_a_finding_of_polarity(planted: SimpleNamespace) -> None:
    rows = planted.make_rows(
        transfer_roc_auc=lambda row: planted.noisy(0.42 if row.region == "amygdala" else 0.62)(row)
    )
    (flag,) = study_flags(rows, planted.context)
    assert (flag.id, flag.where) == ("polarity", "left amygdala")


def test_one_place_of_many_just_below_one_half_is_chance(planted: SimpleNamespace) -> None:
    def just_below(row: UnitEvidence) -> float:
        return 0.5 + (-0.003 if row.region == "amygdala" else 0.0) + (0.004 if int(row.participant[1:]) % 2 else -0.004)

    rows = planted.make_rows(transfer_roc_auc=just_below)
    alone = [row for row in rows if row.region == "amygdala"]
    assert ids(alone, planted) == ["polarity"]
    assert ids(rows, planted) == []


def test_a_place_of_three_participants_far_below_one_half_is_flagged_beside_others(planted: SimpleNamespace) -> None:
    rows = planted.make_rows(
        roc_auc=planted.noisy(0.62, 1),
        transfer_roc_auc=lambda row: planted.noisy(0.375 if row.region == "amygdala" else 0.62)(row),
        lobo_drop=planted.per_band(10, low_gamma=0.02),
    )
    (flag,) = study_flags([row for row in rows if row.region != "amygdala" or row.participant < "P03"], planted.context)
    assert (flag.id, flag.where) == ("polarity", "left amygdala")


def test_a_duplicate_names_both_units_and_the_session(planted: SimpleNamespace) -> None:
    found = Duplicate(kept_row=4, kept_id=4, dropped_row=6, dropped_id=7, share=0.6, excess_sd=22.0)
    (flag,) = study_flags(planted.make_rows(), planted.context, duplicates=[("P01 one", found)])
    assert (flag.id, flag.where) == ("duplicate-unit", "P01 one")
    assert "unit 4, the better isolated one, is kept" in flag.message


def test_no_units_have_only_the_flag_of_too_few_participants(planted: SimpleNamespace) -> None:
    assert ids([], planted) == ["few-participants"]
