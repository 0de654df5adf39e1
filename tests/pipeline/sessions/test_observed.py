"""Time in which a unit was not observed is not taken for its silence."""

import shutil
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from nwb_spikeinference.config import StudySettings, UnitSettings
from nwb_spikeinference.errors import NoSignalError
from nwb_spikeinference.pipeline.inspection import inspect_files
from nwb_spikeinference.pipeline.sessions.bins import Grid, observed_bins
from nwb_spikeinference.pipeline.sessions.observed_time import within_observed
from nwb_spikeinference.pipeline.sessions.periods import merge_periods
from nwb_spikeinference.pipeline.sessions.prepare_session import prepare_session
from nwb_spikeinference.pipeline.sessions.prepared import PreparedSession
from nwb_spikeinference.recordings import Electrode, Session, SignalBlock, Unit

SETTINGS = StudySettings(sessions=("x",), units=UnitSettings(min_spikes=1, drop_duplicates=False))
OBSERVED = "units/obs_intervals"


@pytest.fixture
def changed(whole: Path, tmp_path: Path) -> Callable[..., Path]:
    """A copy of the file in which some units were observed at other times."""

    def change(start_s: float, stop_s: float, *units: int) -> Path:
        path = Path(shutil.copy(whole, tmp_path / "changed.nwb"))
        with h5py.File(path, "r+") as file:
            observed = file[OBSERVED][()]
            for unit in units or range(len(observed)):
                observed[unit] = start_s, stop_s
            file[OBSERVED][...] = observed
        return path

    return change


def valid_of(result: PreparedSession, unit: int) -> np.ndarray:
    """(n_bins,) that count for a unit."""
    inputs = result.inputs["neighbour"]
    return inputs.valid[inputs.of_unit[unit]]


def test_bins_in_which_a_unit_was_not_observed_do_not_count_for_it(
    whole: Path, changed: Callable[..., Path], tmp_path: Path
) -> None:
    before = prepare_session(whole, SETTINGS, tmp_path)
    after = prepare_session(changed(0.0, 6.0, 1), SETTINGS, tmp_path)
    inside = np.zeros(after.grid.n_bins, bool)
    inside[after.grid.bins_inside(0.0, 6.0)] = True
    np.testing.assert_array_equal(valid_of(after, 1), valid_of(before, 1) & inside)
    np.testing.assert_array_equal(valid_of(after, 0), valid_of(before, 0))
    assert "1 units were observed during a part of the signal alone, and count there" in after.notes


def test_rate_of_a_unit_is_that_of_when_it_was_observed(changed: Callable[..., Path], tmp_path: Path) -> None:
    result = prepare_session(changed(0.0, 6.0, 1), SETTINGS, tmp_path)
    inside = result.grid.bins_inside(0.0, 6.0)
    n_spikes = int(result.counts[inside, 1].sum())
    unit = result.units[1]
    assert (unit.n_spikes, unit.rate_hz) == (n_spikes, pytest.approx(n_spikes / 6, rel=0.01))


def test_units_observed_all_along_share_their_inputs_as_before(whole: Path, tmp_path: Path) -> None:
    result = prepare_session(whole, SETTINGS, tmp_path)
    path = Path(shutil.copy(whole, tmp_path / "unsaid.nwb"))
    with h5py.File(path, "r+") as file:
        del file[OBSERVED], file[f"{OBSERVED}_index"]
    unsaid = prepare_session(path, SETTINGS, tmp_path)
    np.testing.assert_array_equal(result.inputs["neighbour"].of_unit, unsaid.inputs["neighbour"].of_unit)


def test_observation_on_another_clock_is_told_with_both_times(changed: Callable[..., Path], tmp_path: Path) -> None:
    path = changed(1000.0, 1016.0)
    why = r"no signal while the units were observed \(obs_intervals 1000 to 1016 s, signal 0 to 12"
    with pytest.raises(NoSignalError, match=why):
        prepare_session(path, SETTINGS, tmp_path)


def test_inspection_says_the_same_of_observation_on_another_clock(changed: Callable[..., Path]) -> None:
    (summary,) = inspect_files([changed(1000.0, 1016.0)])
    assert summary.reason is not None
    assert summary.reason.startswith("no signal while the units were observed (obs_intervals 1000 to 1016 s, signal 0")
    assert (summary.overlap_s, len(summary.signals) > 0) == (0.0, True)


def test_inspection_counts_overlap_while_units_were_observed(changed: Callable[..., Path]) -> None:
    (summary,) = inspect_files([changed(2.0, 7.0)])
    assert summary.overlap_s == pytest.approx(5.0, abs=0.1)


def test_periods_that_overlap_or_nearly_touch_are_one() -> None:
    assert merge_periods([(5, 6), (0, 2), (1, 3)]) == [(0, 3), (5, 6)]
    assert merge_periods([(0, 2), (2.5, 3)], gap_s=1.0) == [(0, 3)]


def test_a_unit_without_observation_is_observed_in_every_bin() -> None:
    assert observed_bins(Grid(start_s=0.0, bin_s=0.005, n_bins=4), ()).tolist() == [True] * 4


def session_of(units: list[Unit], *stretches: tuple[float, float]) -> Session:
    def block(start_s: float, stop_s: float) -> SignalBlock:
        n_samples = round(1000 * (stop_s - start_s))
        return SignalBlock(
            path="/acquisition/LFP",
            kind="lfp",
            rate_hz=1000.0,
            start_s=start_s,
            n_samples=n_samples,
            electrode_rows=(0,),
        )

    electrode = Electrode(row=0, label="a", bundle="a", region=None, hemisphere=None)
    return Session(
        path=Path("x"),
        participant="P",
        session_id="1",
        electrodes=(electrode,),
        units=tuple(units),
        blocks=tuple(block(*one) for one in stretches),
    )


def unit_of(times: np.ndarray, *observed: tuple[float, float]) -> Unit:
    return Unit(row=0, unit_id=0, electrode_rows=(0,), spike_times_s=times, observed_s=observed)


def test_signal_outside_the_observed_stretches_is_left_out() -> None:
    session = within_observed(session_of([unit_of(np.array([12.0]), (10.0, 20.0), (30.0, 40.0))], (0.0, 60.0)))
    assert [(block.start_s, block.stop_s, block.first_sample) for block in session.blocks] == [
        (10.0, 20.0, 10_000), (30.0, 40.0, 30_000),
    ]  # fmt: skip
    assert session.notes == ("40.0 s of signal left out: spikes were looked for from 10.0 to 20.0 s, 30.0 to 40.0 s",)


def test_silence_of_all_units_at_both_ends_is_left_out() -> None:
    session = within_observed(session_of([unit_of(np.arange(10.0, 50.0, 0.2))], (0.0, 60.0)))
    (block,) = session.blocks
    assert (block.start_s, block.stop_s) == pytest.approx((9.8, 50.0), abs=0.002)


def test_silence_as_long_as_between_spikes_stays() -> None:
    session = session_of([unit_of(np.array([5.0, 9.0, 52.0]))], (0.0, 60.0))
    assert within_observed(session) is session


def test_spikes_on_another_clock_are_no_silence() -> None:
    session = session_of([unit_of(np.arange(1000.0, 1050.0, 0.2))], (0.0, 60.0))
    assert within_observed(session) is session


def test_observation_of_the_whole_signal_changes_nothing() -> None:
    session = session_of([unit_of(np.array([5.0]), (0.0, 29.99))], (0.0, 30.0))
    assert within_observed(session) is session
