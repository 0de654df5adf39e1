"""Two recorders on one clock: by PTP, and by pulses that both saw."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from nwb_spikeinference.errors import InputError, SettingsError
from nwb_spikeinference_converters.conversion_report import ConversionReport
from nwb_spikeinference_converters.sessions.convert_session import convert_session
from nwb_spikeinference_converters.timing.clock_map import ClockMap, match_pulses
from nwb_spikeinference_converters.timing.pulses import PulseTrain
from tests.converters.blackrock_files import (
    PTP_HZ,
    PTP_START_NS,
    digital,
    make_samples,
    ptp_stamps,
    spike,
    write_nev,
    write_nsx,
    write_ptp_nsx,
)

WriteSession = Callable[..., Path]
DEVICES = [{"name": "NSP1"}, {"name": "NSP2"}]
BUNDLES = [
    {"label": "L", "region": "hippocampus", "hemisphere": "left", "channels": [1, 2], "nsp": "NSP1"},
    {"label": "R", "region": "hippocampus", "hemisphere": "right", "channels": [1, 2], "nsp": "NSP2"},
]
RECORDINGS = [
    {"format": "blackrock", "file": "one.ns6", "nsp": "NSP1"},
    {"format": "blackrock", "file": "two.ns6", "nsp": "NSP2"},
]
SYNC = [{"nsp": "NSP1", "file": "one.ns6", "channel": 3}, {"nsp": "NSP2", "file": "two.ns6", "channel": 3}]
OFFSET_S, DRIFT = -7.25, 20e-6  # where the second clock is zero on the first, and how much faster it runs


def irregular(n: int, seed: int = 0) -> np.ndarray:
    """Times of pulses, about one a second."""
    return np.cumsum(np.random.default_rng(seed).uniform(0.6, 1.4, n))


def train(times_s: np.ndarray, start_s: float, stop_s: float, name: str = "own") -> PulseTrain:
    inside = times_s[(times_s > start_s) & (times_s < stop_s)]
    return PulseTrain(source=name, times_s=inside, periods=((start_s, stop_s),), resolution_s=1 / 30000)


def see_by(clock_map: ClockMap, times_s: np.ndarray) -> np.ndarray:
    """Times of the reference on the clock that the map leads from."""
    return clock_map.own_s + (times_s - clock_map.reference_s) / clock_map.scale


def pulse_channel(times_s: np.ndarray, n_samples: int, rate_hz: float) -> np.ndarray:
    """Pulses of 20 ms, rising over two samples, on noise."""
    level = np.zeros(n_samples)
    for time_s in times_s[times_s < n_samples / rate_hz]:
        near = np.arange(int((time_s - 0.01) * rate_hz), min(n_samples, int((time_s + 0.04) * rate_hz)))
        since = near - time_s * rate_hz
        level[near] = np.clip(since / 2 + 0.5, 0, 1) - np.clip((since - 0.02 * rate_hz) / 2, 0, 1)
    noise = np.random.default_rng(5).normal(0, 20, n_samples)
    return (level * 20000 + noise).astype(np.int16)


@pytest.mark.parametrize(("drift", "shift_s"), [(0.0, 3.5), (20e-6, -7.25), (-150e-6, 4000.0)])
def test_irregular_pulses_give_offset_and_rate(drift: float, shift_s: float) -> None:
    truth = ClockMap(own_s=0.0, reference_s=shift_s, scale=1 + drift)
    pulses = irregular(1200)
    jitter = np.random.default_rng(1).uniform(-15e-6, 15e-6, len(pulses))
    found = match_pulses(train(see_by(truth, pulses + jitter), -1e5, 1e5), train(pulses, -1e5, 1e5, "first"))
    np.testing.assert_allclose(found.to_reference(see_by(truth, pulses)), pulses, atol=15e-6)
    assert found.n_pulses == 1200
    assert found.scale == pytest.approx(1 + drift, abs=5e-8)


def test_a_rate_that_does_not_measurably_differ_is_one() -> None:
    pulses = irregular(20)
    jitter = np.random.default_rng(1).uniform(-15e-6, 15e-6, len(pulses))
    assert match_pulses(train(pulses + jitter, -9, 99), train(pulses, -9, 99, "first")).scale == 1


def test_pulses_that_one_recorder_missed_do_not_matter() -> None:
    pulses = irregular(300)
    seen = np.delete(pulses, [10, 11, 150])
    found = match_pulses(train(seen + 5, 0, 1e4), train(pulses, 50, 1e4, "first"))
    np.testing.assert_allclose(found.to_reference(np.array([100.0])), [95.0], atol=1e-9)


def test_regular_pulses_that_begin_and_end_while_both_record_are_matched() -> None:
    pulses = np.arange(10.0, 60.0)
    found = match_pulses(train(pulses + 3.25, 0, 100), train(pulses, 0, 100, "first"))
    np.testing.assert_allclose(found.to_reference(np.array([13.25])), [10.0], atol=1e-9)


def test_regular_pulses_that_leave_a_choice_are_refused() -> None:
    pulses = np.arange(0.0, 200.0)
    with pytest.raises(InputError, match="own: its pulses are so regular that they fit those of first in more"):
        match_pulses(train(pulses + 3.25, 50, 100), train(pulses, 60, 120, "first"))


def test_pulses_of_another_session_are_refused() -> None:
    with pytest.raises(InputError, match=r"own: its 200 pulses have no part in common with the 200 of first"):
        match_pulses(train(irregular(200, 1), -1, 1e4), train(irregular(200, 2), -1, 1e4, "first"))


@pytest.fixture(scope="module")
def two_recorders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two recorders without PTP; the second began 7.25 s before the first and runs 20 ppm fast."""
    folder = tmp_path_factory.mktemp("two")
    pulses = irregular(40)
    first = np.column_stack([make_samples(30000 * 30, 2), pulse_channel(pulses, 30000 * 30, 30000)])
    own = (pulses - OFFSET_S) * (1 + DRIFT)
    second = np.column_stack([make_samples(30000 * 40, 2, seed=1), pulse_channel(own, 30000 * 40, 30000)])
    write_nsx(folder / "one.ns6", [(0, first)])
    write_nsx(folder / "two.ns6", [(0, second)])
    at = [round((second_s - OFFSET_S) * (1 + DRIFT) * 30000) for second_s in (5, 10, 20)]
    write_nev(folder / "two.nev", [spike(at[0]), digital(at[1], 77), spike(at[2])])
    return folder


@pytest.fixture(scope="module")
def synchronised(two_recorders: Path, write_session: WriteSession) -> ConversionReport:
    session_file = write_session(
        two_recorders,
        devices=DEVICES,
        recordings=RECORDINGS,
        sync=SYNC,
        bundles=BUNDLES,
        units=[{"format": "nev", "file": "two.nev", "nsp": "NSP2"}],
        events=[{"format": "nev", "file": "two.nev", "nsp": "NSP2"}],
        write_lfp=False,
    )
    return convert_session(session_file, two_recorders / "nwb")


def starting_times(file: h5py.File) -> dict[str, tuple[float, float]]:
    return {
        name: (series["starting_time"][()], series["starting_time"].attrs["rate"])
        for name, series in file["acquisition"].items()
    }


def test_pulses_bring_the_second_recorder_onto_the_first_clock(synchronised: ConversionReport) -> None:
    with h5py.File(synchronised.path) as file:
        (first, second) = starting_times(file).values()
    assert first == (pytest.approx(-OFFSET_S, abs=1e-5), 30000)  # the second began first, at the session's zero
    assert second == (0, pytest.approx(30000 * (1 + DRIFT), abs=0.05))


def test_spikes_and_events_of_the_second_recorder_move_along(synchronised: ConversionReport) -> None:
    with h5py.File(synchronised.path) as file:
        np.testing.assert_allclose(file["units/spike_times"][()], np.array([5, 20]) - OFFSET_S, atol=1 / 30000)
        (table,) = (one for one in file["events"].values() if "timestamp" in one)
        np.testing.assert_allclose(table["timestamp"][()], [10 - OFFSET_S], atol=1 / 30000)


def test_the_report_says_how_clocks_were_matched(synchronised: ConversionReport) -> None:
    (note,) = (note for note in synchronised.notes if note.startswith("NSP2"))
    assert re.fullmatch(
        r"NSP2: brought onto the clock of NSP1 by \d+ pulses .-20\.0\d ppm; .* within 0\.00\d ms.", note
    )


def refuse(session_file: Path, error: type[Exception], match: str) -> None:
    with pytest.raises(error, match=match):
        convert_session(session_file, session_file.parent / "nwb", dry_run=True)


@pytest.mark.parametrize(
    ("sync", "error", "match"),
    [
        (SYNC[:1], SettingsError, "'sync' must list two recorders or more, each once, got NSP1"),
        ([SYNC[0], SYNC[0]], SettingsError, "'sync' must list two recorders or more, each once, got NSP1, NSP1"),
        ([SYNC[0], {**SYNC[1], "file": "x.ns6"}], SettingsError, "'sync' names x.ns6 of NSP2, which is no recording"),
        ([SYNC[0], {**SYNC[1], "channel": 9}], InputError, r"two\.ns6: 'sync' names channel 9, which it lacks"),
        ([SYNC[0], {**SYNC[1], "channel": 1}], InputError, r"two\.ns6: its \d+ pulses have no part in common"),
    ],
)
def test_wrong_sync_settings_are_refused(
    two_recorders: Path,
    write_session: WriteSession,
    tmp_path: Path,
    sync: list[Any],
    error: type[Exception],
    match: str,
) -> None:
    for name in ("one.ns6", "two.ns6"):
        (tmp_path / name).symlink_to(two_recorders / name)
    keys = {"devices": DEVICES, "recordings": RECORDINGS, "bundles": BUNDLES}
    refuse(write_session(tmp_path, sync=sync, **keys), error, match)


def write_ptp_pair(folder: Path, write_session: WriteSession, second_start_ns: int) -> Path:
    first, second = ptp_stamps(30000), ptp_stamps(45000, start_ns=second_start_ns, rate_hz=30000 * (1 + DRIFT))
    write_ptp_nsx(folder / "one.ns6", first, make_samples(30000, 2))
    write_ptp_nsx(folder / "two.ns6", second, make_samples(45000, 2, seed=1))
    packets = [spike(second_start_ns + 400_000_000), digital(second_start_ns + 500_000_000, 5)]
    write_nev(folder / "two.nev", packets, spec=(3, 0), ticks_hz=PTP_HZ)
    return write_session(
        folder,
        devices=DEVICES,
        recordings=RECORDINGS,
        bundles=BUNDLES,
        units=[{"format": "nev", "file": "two.nev", "nsp": "NSP2"}],
        events=[{"format": "nev", "file": "two.nev", "nsp": "NSP2"}],
        write_lfp=False,
    )


def test_f40_recorders_on_a_ptp_network_share_one_clock(tmp_path: Path, write_session: WriteSession) -> None:
    session_file = write_ptp_pair(tmp_path, write_session, PTP_START_NS + 250_000_000)
    report = convert_session(session_file, tmp_path / "nwb")
    with h5py.File(report.path) as file:
        first, second = starting_times(file).values()
        assert first == (0, 30000)
        assert second == (pytest.approx(0.25, abs=1e-6), pytest.approx(30000 * (1 + DRIFT), abs=0.01))
        np.testing.assert_allclose(file["units/spike_times"][()], [0.65], atol=1e-6)
        (table,) = (one for one in file["events"].values() if "timestamp" in one)
        np.testing.assert_allclose(table["timestamp"][()], [0.75], atol=1e-6)


def test_recorders_whose_clocks_have_nothing_in_common_are_refused(tmp_path: Path, write_session: WriteSession) -> None:
    session_file = write_ptp_pair(tmp_path, write_session, PTP_START_NS + 90 * PTP_HZ)
    refuse(session_file, InputError, r"two\.ns6: by its clock it was recorded at another time .*90 s apart")
