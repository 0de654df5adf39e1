"""Splits inside a fit, and what it may see."""

from dataclasses import replace

import numpy as np
import pytest

from nwb_spikeinference.config import WithinSettings
from nwb_spikeinference.errors import LeakError
from nwb_spikeinference.inputs import LfpInput
from nwb_spikeinference.pipeline.fits.fit_spec import FitSpec, scored_bins, scored_with_discharges, train_bins

WITHIN = WithinSettings()


def make_spec(**changes: object) -> FitSpec:
    fixed = {"protocol": "within-session", "model": "rate", "fold": 0, "train": ("A",), "test": ("A",)}
    return FitSpec(**fixed | {"predictor": "neighbour"} | changes)  # type: ignore[arg-type]


def make_source(valid: np.ndarray) -> LfpInput:
    return LfpInput(
        participant="A",
        session="one",
        bundle="B",
        region=None,
        hemisphere=None,
        bin_s=0.005,
        features=np.zeros((len(valid), 3), np.float32),
        valid=valid,
        discharge=np.zeros(len(valid), bool),
        segments=(slice(0, len(valid)),),
        counts=np.zeros((len(valid), 1), np.uint8),
        unit_rows=(0,),
        cell_types=("excitatory",),
    )


def test_a_participant_on_both_sides_cannot_be_described() -> None:
    with pytest.raises(LeakError, match="participant B would train and test fold 0"):
        make_spec(protocol="unseen-participant", train=("A", "B"), test=("B",))


def test_within_a_session_the_last_part_is_scored_a_second_after_training_ends() -> None:
    source = make_source(np.ones(10000, bool))
    train, test = (of(source, make_spec(), WITHIN) for of in (train_bins, scored_bins))
    assert (np.flatnonzero(train)[-1], np.flatnonzero(test)[0]) == (6799, 7000)
    assert not (train & test).any()


def test_the_split_counts_recorded_time_and_not_gaps() -> None:
    valid = np.ones(20000, bool)
    valid[2000:12000] = False
    test = scored_bins(make_source(valid), make_spec(), WITHIN)
    assert test.sum() == 3000
    assert not test[~valid].any()


def test_a_unit_that_was_observed_for_a_part_is_cut_where_the_others_are() -> None:
    whole, part = np.ones(10000, bool), np.arange(10000) < 8000
    source = replace(make_source(part), session_valid=whole)
    train, test = (of(source, make_spec(), WITHIN) for of in (train_bins, scored_bins))
    assert (np.flatnonzero(train)[-1], *np.flatnonzero(test)[[0, -1]]) == (6799, 7000, 7999)


def test_contiguous_folds_score_every_valid_bin_once() -> None:
    within = WithinSettings(folds=4)
    source = make_source(np.ones(8000, bool))
    times = sum(scored_bins(source, make_spec(fold=fold), within).astype(int) for fold in range(4))
    assert (times == 1).all()


def test_a_recording_too_short_to_split_is_on_neither_side() -> None:
    source = make_source(np.ones(1000, bool))
    assert not train_bins(source, make_spec(), WITHIN).any()
    assert not scored_bins(source, make_spec(), WITHIN).any()


def test_invalid_bins_never_train_nor_score() -> None:
    valid = np.ones(1000, bool)
    valid[:100] = False
    spec = make_spec(protocol="unseen-participant", train=("A",), test=("B",))
    assert (train_bins(make_source(valid), spec, WITHIN) == valid).all()
    assert (scored_bins(make_source(valid), spec, WITHIN) == valid).all()


def with_discharges(valid: np.ndarray, *pieces: slice) -> LfpInput:
    """A source whose pieces are not valid for a discharge alone."""
    discharge = np.zeros(len(valid), bool)
    for piece in pieces:
        discharge[piece] = True
    return replace(make_source(valid & ~discharge), discharge=discharge)


def test_a_discharge_of_an_unseen_participant_counts_where_discharges_are_included() -> None:
    source = with_discharges(np.ones(1000, bool), slice(100, 200))
    spec = make_spec(protocol="unseen-participant", train=("B",))
    assert not scored_bins(source, spec, WITHIN)[100:200].any()
    assert scored_with_discharges(source, spec, WITHIN).all()


def test_a_bin_that_is_invalid_for_another_reason_never_counts() -> None:
    valid = np.ones(1000, bool)
    valid[:50] = False
    source = with_discharges(valid, slice(100, 200))
    spec = make_spec(protocol="unseen-participant", train=("B",))
    assert (scored_with_discharges(source, spec, WITHIN) == valid).all()


@pytest.mark.parametrize("folds", [None, 4])
def test_no_discharge_on_the_training_side_counts_within_a_session(folds: int | None) -> None:
    within = WithinSettings(folds=folds)
    source = with_discharges(np.ones(10000, bool), slice(1000, 1200), slice(8500, 8700))
    spec = make_spec(fold=folds - 1 if folds else 0)
    counted = np.flatnonzero(scored_with_discharges(source, spec, within))
    first = np.flatnonzero(scored_bins(source, spec, within))[0]
    assert first > 6000
    assert counted.tolist() == list(range(first, 10000))


def test_a_recording_too_short_to_split_is_scored_nowhere_discharges_or_not() -> None:
    source = with_discharges(np.ones(1000, bool), slice(100, 200))
    assert not scored_with_discharges(source, make_spec(), WITHIN).any()
