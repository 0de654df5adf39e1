"""Units and events where recordings differ in recorder, start, pauses or clock, at times that are known."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from nwb_spikeinference.errors import InputError, SettingsError
from nwb_spikeinference_converters.conversion_report import ConversionReport
from nwb_spikeinference_converters.sessions.convert_session import convert_session
from tests.converters.blackrock_files import (
    PTP_HZ,
    digital,
    make_samples,
    ptp_stamps,
    spike,
    write_nev,
    write_nsx,
    write_ptp_nsx,
)
from tests.converters.sorter_files import write_osort, write_wave_clus

WriteSession = Callable[..., Path]
DEVICES = [{"name": "NSP1"}, {"name": "NSP2"}]
ONE = {"format": "blackrock", "file": "one.ns6"}
TWO = {"format": "blackrock", "file": "two.ns6"}
LEFT = {"label": "L", "region": "hippocampus", "hemisphere": "left", "channels": [1, 2]}
RIGHT = {"label": "R", "region": "hippocampus", "hemisphere": "right", "channels": [65, 66]}
TWO_RECORDERS = {
    "devices": DEVICES,
    "recordings": [{**ONE, "nsp": "NSP1"}, {**TWO, "nsp": "NSP2"}],
    "bundles": [{**LEFT, "nsp": "NSP1"}, {**RIGHT, "nsp": "NSP2"}],
}
ONE_RECORDER = {"recordings": [ONE], "bundles": [LEFT]}


def convert(folder: Path, write_session: WriteSession, **keys: Any) -> ConversionReport:
    return convert_session(write_session(folder, write_lfp=False, **keys), folder / "nwb")


def refuse(folder: Path, write_session: WriteSession, error: type[Exception], match: str, **keys: Any) -> None:
    with pytest.raises(error, match=match):
        convert_session(write_session(folder, write_lfp=False, **keys), folder / "nwb", dry_run=True)


def write_csv(path: Path, channel: int, times: list[float], column: str = "time_s") -> dict[str, Any]:
    path.write_text("\n".join([f"unit,channel,{column}", *(f"1,{channel},{time}" for time in times)]))
    return {"format": "csv", "file": path.name}


def split(file: h5py.File, name: str) -> list[np.ndarray]:
    return np.split(file[f"units/{name}"][()], file[f"units/{name}_index"][()])[:-1]


def trains(report: ConversionReport) -> list[np.ndarray]:
    with h5py.File(report.path) as file:
        return split(file, "spike_times")


def words(report: ConversionReport) -> dict[str, list[float]]:
    with h5py.File(report.path) as file:
        return {name: table["timestamp"][()].tolist() for name, table in file["events"].items() if "timestamp" in table}


def starting_times(report: ConversionReport) -> list[float]:
    with h5py.File(report.path) as file:
        return [series["starting_time"][()] for series in file["acquisition"].values()]


def pulses(times_s: np.ndarray, offset_s: float) -> np.ndarray:
    """Pulses of 20 ms at 1 kHz for 10 s, on a clock that is so late."""
    level = np.zeros(10000, dtype=np.int16)
    for time_s in times_s - offset_s:
        level[round(time_s * 1000) : round(time_s * 1000) + 20] = 5000
    return level


@pytest.fixture(scope="module")
def synchronised(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two recorders; the clock of the second is 1.7 s late. Both saw the same pulses."""
    folder = tmp_path_factory.mktemp("synchronised")
    times_s = 1.8 + np.cumsum(np.random.default_rng(0).uniform(0.3, 0.6, 14))
    for name, channels, late_s in (("one", (1, 2, 3), 0.0), ("two", (65, 66, 3), 1.7)):
        samples = np.column_stack([make_samples(10000, 2), pulses(times_s, late_s)])
        write_nsx(folder / f"{name}.ns6", [(0, samples)], channels=channels, rate_hz=1000)
    planted = [round((at - 1.7) * 30000) for at in (3.0, 4.0, 5.0)]
    write_nev(folder / "two.nev", [*(spike(at, 65) for at in planted), digital(planted[-1] + 30000, 7)], channels=[65])
    return folder


SYNC = [{"nsp": "NSP1", "file": "one.ns6", "channel": 3}, {"nsp": "NSP2", "file": "two.ns6", "channel": 3}]


@pytest.mark.parametrize("nsp", [{}, {"nsp": "NSP2"}])
def test_units_are_on_the_clock_of_the_recorder_of_their_contact(
    synchronised: Path, write_session: WriteSession, nsp: dict[str, str]
) -> None:
    units = [
        {"format": "nev", "file": "two.nev", **nsp},
        {**write_csv(synchronised / "u.csv", 65, [1.3, 2.3]), **nsp},  # since its first sample, at 1.7 s
        {**write_csv(synchronised / "s.csv", 66, [1300, 2300], "sample"), "rate_hz": 1000, **nsp},
    ]
    report = convert(synchronised, write_session, **TWO_RECORDERS, sync=SYNC, units=units)
    stamped, seconds, samples = trains(report)
    np.testing.assert_allclose(stamped, [3, 4, 5], atol=1e-3)
    np.testing.assert_allclose(seconds, [3, 4], atol=1e-3)
    np.testing.assert_allclose(samples, [3, 4], atol=1e-3)


def test_exact_pulses_leave_the_nominal_rate(synchronised: Path, write_session: WriteSession) -> None:
    report = convert(
        synchronised, write_session, **TWO_RECORDERS, sync=SYNC, units=[{"format": "nev", "file": "two.nev"}]
    )
    with h5py.File(report.path) as file:
        assert [series["starting_time"].attrs["rate"] for series in file["acquisition"].values()] == [1000, 1000]


def test_events_that_do_not_name_one_of_two_recorders_are_refused(
    synchronised: Path, write_session: WriteSession
) -> None:
    events = [{"format": "nev", "file": "two.nev"}]
    match = r"events of two\.nev: NSP1, NSP2 have clocks of their own; add 'nsp'"
    refuse(synchronised, write_session, SettingsError, match, **TWO_RECORDERS, sync=SYNC, events=events)


def test_units_are_observed_when_their_own_contact_was_recorded(tmp_path: Path, write_session: WriteSession) -> None:
    write_nsx(tmp_path / "one.ns6", [(0, make_samples(30000, 2)), (90000, make_samples(30000, 2))])
    write_nsx(tmp_path / "two.ns6", [(15000, make_samples(150_000, 2))], channels=[65, 66])
    units = [
        {**write_csv(tmp_path / "a.csv", 1, [0.5, 2.0, 3.5]), "clock": "recorder"},
        {**write_csv(tmp_path / "b.csv", 65, [0.2, 0.6, 2.0, 5.4]), "clock": "recorder"},
    ]
    report = convert(tmp_path, write_session, **TWO_RECORDERS, units=units)
    with h5py.File(report.path) as file:
        first, second = split(file, "spike_times")
        observed = split(file, "obs_intervals")
        np.testing.assert_allclose(first, [0.5, 3.5])
        np.testing.assert_allclose(second, [0.6, 2.0, 5.4])
        assert [periods.tolist() for periods in observed] == [[[0, 1], [3, 4]], [[0.5, 5.5]]]
        assert file["intervals/recorded_periods/stop_time"][()].tolist() == [1, 4]  # of the first recording


def test_spikes_are_kept_by_the_sample_of_their_own_recording(tmp_path: Path, write_session: WriteSession) -> None:
    write_nsx(tmp_path / "one.ns6", [(0, make_samples(30000, 2))])
    write_nsx(tmp_path / "slow.ns2", [(0, make_samples(1000, 1))], channels=[129], rate_hz=1000)
    recordings = [ONE, {"format": "blackrock", "file": "slow.ns2", "role": "analog"}]
    units = [write_csv(tmp_path / "u.csv", 1, [0.5, 1.00002, 1.0009])]
    (train,) = trains(convert(tmp_path, write_session, recordings=recordings, bundles=[LEFT], units=units))
    np.testing.assert_allclose(train, [0.5, 1.00002])


@pytest.mark.parametrize(
    ("column", "times", "clock"),
    [
        ("time_s", [1.0, 1.2], {}),
        ("sample", [30000, 36000], {"rate_hz": 30000}),
        ("sample", [30000, 36000], {"rate_hz": 30000, "clock": "recorded"}),
        ("time_s", [1.5, 1.7], {"clock": "recorder"}),
    ],
)
@pytest.mark.parametrize("has_pause", [False, True])
def test_times_count_from_the_first_sample_of_the_units_own_recording(
    tmp_path: Path, write_session: WriteSession, column: str, times: list[float], clock: dict[str, Any], has_pause: bool
) -> None:
    macro = write_nsx(tmp_path / "macro.ns3", [(0, make_samples(8000, 1))], channels=[33], rate_hz=2000)
    pause = [(120_000, make_samples(15000, 2))] if has_pause else []
    write_nsx(tmp_path / "one.ns6", [(15000, make_samples(60000, 2)), *pause])
    recordings = [ONE, {"format": "blackrock", "file": macro.name, "electrode_type": "macro"}]
    units = [{**write_csv(tmp_path / "u.csv", 1, times, column), **clock}]
    bundles = [{**LEFT, "macro_channels": [33]}]
    (train,) = trains(convert(tmp_path, write_session, recordings=recordings, bundles=bundles, units=units))
    np.testing.assert_allclose(train, [1.5, 1.7])


def test_units_of_another_sampling_rate_are_refused(tmp_path: Path, write_session: WriteSession) -> None:
    write_nsx(tmp_path / "one.ns6", [(0, make_samples(75000, 2))])
    write_wave_clus(tmp_path / "times_ch1.mat", par={"sr": 24414.0})
    units = {"format": "wave_clus", "file": "times_ch1.mat"}
    match = r"times_ch1\.mat: its spikes were sampled at 24414 Hz, one\.ns6 at 30000 Hz; .*'rate_hz: 24414'"
    refuse(tmp_path, write_session, InputError, match, **ONE_RECORDER, units=[units])
    report = convert(tmp_path, write_session, **ONE_RECORDER, units=[{**units, "rate_hz": 24414}])
    assert report.units == 2


def test_a_channel_in_two_files_of_one_time_is_refused(tmp_path: Path, write_session: WriteSession) -> None:
    for name in ("one", "two"):
        write_nsx(tmp_path / f"{name}.ns6", [(0, make_samples(30000, 2))])
    match = r"two\.ns6: channel 1 is also in one\.ns6, at the same rate and time; .*'nsp', else leave one"
    refuse(tmp_path, write_session, InputError, match, recordings=[ONE, TWO], bundles=[LEFT])


def test_a_restart_is_one_moment_for_all_files_of_a_recorder(tmp_path: Path, write_session: WriteSession) -> None:
    write_nsx(tmp_path / "one.ns6", [(0, make_samples(27014, 2)), (0, make_samples(60000, 2))])
    write_nsx(
        tmp_path / "one.ns2",
        [(0, make_samples(901, 1)), (0, make_samples(2000, 1))],
        channels=[129],
        rate_hz=1000,
    )
    write_nev(tmp_path / "one.nev", [spike(20000), spike(3000)])
    recordings = [ONE, {"format": "blackrock", "file": "one.ns2", "role": "analog"}]
    units = [{"format": "nev", "file": "one.nev"}]
    report = convert(tmp_path, write_session, recordings=recordings, bundles=[LEFT], units=units)
    assert sorted(starting_times(report)) == pytest.approx([0, 0, 0.901, 0.901], abs=1e-9)
    np.testing.assert_allclose(trains(report)[0], [20000 / 30000, 1.001])


def test_a_slow_file_may_lack_the_moment_before_a_restart(tmp_path: Path, write_session: WriteSession) -> None:
    write_nsx(tmp_path / "one.ns6", [(0, make_samples(15000, 2)), (0, make_samples(60000, 2))])
    write_nsx(tmp_path / "one.ns2", [(0, make_samples(2000, 1))], channels=[129], rate_hz=1000)
    recordings = [ONE, {"format": "blackrock", "file": "one.ns2", "role": "analog"}]
    units = [write_csv(tmp_path / "u.csv", 1, [0.1])]
    report = convert(tmp_path, write_session, recordings=recordings, bundles=[LEFT], units=units)
    assert sorted(starting_times(report)) == pytest.approx([0, 0.5, 0.5], abs=1e-9)


def test_two_recorders_that_were_set_back_together_share_the_clock_from_then_on(
    tmp_path: Path, write_session: WriteSession
) -> None:
    for name, before, channels in (("one", 27000, (1, 2)), ("two", 39000, (65, 66))):
        pieces = [(0, make_samples(before, 2)), (0, make_samples(90000, 2))]
        write_nsx(tmp_path / f"{name}.ns6", pieces, channels=channels)
        packets = [digital(20000, 1), spike(3, channels[0]), digital(60000, 7), spike(60000, channels[0])]
        write_nev(tmp_path / f"{name}.nev", packets, channels=channels)
    units = [{"format": "nev", "file": f"{name}.nev", "nsp": nsp} for name, nsp in (("one", "NSP1"), ("two", "NSP2"))]
    report = convert(tmp_path, write_session, **TWO_RECORDERS, units=units, events=units)
    assert starting_times(report) == pytest.approx([0.4, 1.3, 0, 1.3])  # both end where they were set back
    np.testing.assert_allclose(trains(report), [[1.3001, 3.3]] * 2)
    np.testing.assert_allclose(words(report)["digital_events"], [0.4 + 2 / 3, 3.3])
    np.testing.assert_allclose(words(report)["digital_events_NSP2"], [2 / 3, 3.3])
    assert any("NSP1, NSP2: taken to share one clock from the moment it was set back" in one for one in report.notes)


def test_recorders_of_which_one_was_set_back_are_refused(tmp_path: Path, write_session: WriteSession) -> None:
    write_nsx(tmp_path / "one.ns6", [(0, make_samples(27000, 2)), (0, make_samples(90000, 2))])
    write_nsx(tmp_path / "two.ns6", [(0, make_samples(90000, 2))], channels=[65, 66])
    match = r"two\.ns6: its recorder's clock was set back 0 times, that of one\.ns6 1 times, .* under 'sync'"
    refuse(tmp_path, write_session, InputError, match, **TWO_RECORDERS)


@pytest.mark.parametrize("moved_s", [-2.0, -40_000_000.0, 40_000_000.0])
def test_f40_a_ptp_clock_that_was_set_leaves_no_absolute_time(
    tmp_path: Path, write_session: WriteSession, moved_s: float
) -> None:
    stamps = ptp_stamps(120_000)
    stamps[60_000:] += round(moved_s * PTP_HZ)
    write_ptp_nsx(tmp_path / "one.ns6", stamps, make_samples(120_000, 2))
    packets = [spike(stamps[at]) for at in (30_000, 57_000, 61_000, 110_000)]
    write_nev(tmp_path / "one.nev", packets, spec=(3, 0), ticks_hz=PTP_HZ)
    report = convert(tmp_path, write_session, **ONE_RECORDER, units=[{"format": "nev", "file": "one.nev"}])
    assert starting_times(report) == pytest.approx([0, 2], abs=1e-6)
    np.testing.assert_allclose(trains(report)[0], np.array([30, 57, 61, 110]) / 30, atol=1e-6)


@pytest.mark.parametrize("format_name", ["csv", "osort", "nse"])
def test_stamps_of_a_clock_that_was_set_back_are_refused(
    tmp_path: Path, write_session: WriteSession, format_name: str
) -> None:
    write_nsx(tmp_path / "one.ns6", [(0, make_samples(30000, 2)), (0, make_samples(60000, 2))])
    units = {
        "csv": {**write_csv(tmp_path / "u.csv", 1, [0.5, 2.0]), "clock": "recorder"},
        "osort": {"format": "osort", "file": write_osort(tmp_path / "A1_sorted_new.mat").name},
        "nse": {"format": "nse", "file": write_nse(tmp_path / "SE1.nse").name},
    }[format_name]
    match = r"the recorder's clock was set back during the session, .*write 'clock: session'"
    refuse(tmp_path, write_session, InputError, match, **ONE_RECORDER, units=[units])


def write_nse(path: Path) -> Path:
    header = b"######## Neuralynx Data File Header\r\n-ADChannel 1\r\n-ADBitVolts 1e-8\r\n-SamplingFrequency 32000\r\n"
    record = np.zeros(1, np.dtype([("time_us", "<u8"), ("rest", "V104")]))
    record["time_us"] = 500_000
    path.write_bytes(header.ljust(16384, b"\0") + record.tobytes())
    return path


def write_parts(folder: Path, ticks: list[int]) -> None:
    """Three parts of a second, each with a clock of its own and a spike."""
    for part, at in enumerate(ticks, start=1):
        write_nsx(folder / f"raw-00{part}.ns6", [(0, make_samples(30000, 2))])
        write_nev(folder / f"raw-00{part}.nev", [spike(at)])


@pytest.mark.parametrize("ticks", [[15000, 15000, 15000], [5000, 10000, 15000]])
def test_spikes_of_a_part_are_in_that_part(tmp_path: Path, write_session: WriteSession, ticks: list[int]) -> None:
    write_parts(tmp_path, ticks)
    recordings = [{**ONE, "file": "raw-*.ns6"}]
    units = [{"format": "nev", "file": "raw-*.nev"}]
    (train,) = trains(convert(tmp_path, write_session, recordings=recordings, bundles=[LEFT], units=units))
    np.testing.assert_allclose(train, np.arange(3) + np.array(ticks) / 30000)


def test_one_part_of_several_is_found_by_its_name(tmp_path: Path, write_session: WriteSession) -> None:
    write_parts(tmp_path, [5000, 6000, 7000])
    recordings = [{**ONE, "file": "raw-*.ns6"}]
    units = [{"format": "nev", "file": "raw-002.nev"}]
    (train,) = trains(convert(tmp_path, write_session, recordings=recordings, bundles=[LEFT], units=units))
    np.testing.assert_allclose(train, [1.2])


def test_words_that_may_be_of_either_side_of_a_restart_are_left_out(
    tmp_path: Path, write_session: WriteSession
) -> None:
    write_nsx(tmp_path / "one.ns6", [(0, make_samples(60000, 2)), (0, make_samples(150_000, 2))])
    write_nev(tmp_path / "one.nev", [digital(30000, 1), digital(75000, 2), digital(120_000, 3)])
    events = [{"format": "nev", "file": "one.nev"}]
    units = [write_csv(tmp_path / "u.csv", 1, [0.1])]
    report = convert(tmp_path, write_session, **ONE_RECORDER, units=units, events=events)
    assert words(report) == {"digital_events": [pytest.approx(4.5), pytest.approx(6.0)]}
    assert "one.nev: 1 events left out, as they may be from before or after the clock was set back" in report.notes


def test_a_file_of_which_most_may_be_of_either_side_is_refused(tmp_path: Path, write_session: WriteSession) -> None:
    write_nsx(tmp_path / "one.ns6", [(0, make_samples(60000, 2)), (0, make_samples(60000, 2))])
    write_nev(tmp_path / "one.nev", [digital(30000, 1), digital(45000, 2)])
    match = r"one\.nev: 2 of its 2 packets may be from before or after the recorder's clock was set back"
    refuse(tmp_path, write_session, InputError, match, **ONE_RECORDER, events=[{"format": "nev", "file": "one.nev"}])


def test_blocks_left_out_are_told_in_seconds(tmp_path: Path, write_session: WriteSession) -> None:
    pieces = [(0, make_samples(30000, 2)), (60000, make_samples(1500, 2)), (90000, make_samples(30000, 2))]
    write_nsx(tmp_path / "one.ns6", pieces)
    report = convert(tmp_path, write_session, **ONE_RECORDER, units=[write_csv(tmp_path / "u.csv", 1, [0.1])])
    assert "one.ns6: 1 blocks shorter than 0.1 s left out, 0.05 s in all" in report.notes


def test_a_gap_of_unknown_length_is_told_at_one_moment(tmp_path: Path, write_session: WriteSession) -> None:
    write_nsx(tmp_path / "one.ns6", [(0, make_samples(27000, 2)), (0, make_samples(60000, 2))])
    report = convert(tmp_path, write_session, **ONE_RECORDER, units=[write_csv(tmp_path / "u.csv", 1, [0.1])])
    assert [str(gap) for gap in report.gaps] == [
        "one.ns6: gap of unknown length at 0.900000 s, where the clock was set back"
    ]


def test_a_clip_that_is_too_short_says_so(tmp_path: Path, write_session: WriteSession) -> None:
    write_nsx(tmp_path / "one.ns6", [(0, make_samples(60000, 2))])
    match = r"one\.ns6: 'clip' \(0.5 s to 0.55 s\) keeps no stretch of 0.1 s or more; it was recorded from 0 to 2 s"
    refuse(tmp_path, write_session, InputError, match, **ONE_RECORDER, clip={"start_s": 0.5, "stop_s": 0.55})
