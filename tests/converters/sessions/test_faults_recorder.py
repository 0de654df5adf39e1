"""Recorder files that are damaged, crafted, or do not belong together; and those that only look odd."""

import json
import resource
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from click.testing import CliRunner

from nwb_spikeinference.cli.app import app
from nwb_spikeinference.errors import InputError
from nwb_spikeinference_converters.conversion_report import ConversionReport
from nwb_spikeinference_converters.sessions.convert_session import convert_session
from tests.converters.blackrock_files import (
    PTP_HZ,
    PTP_START_NS,
    STARTED,
    Spec,
    digital,
    make_samples,
    ptp_stamps,
    spike,
    write_nev,
    write_nsx,
    write_nsx_2_1,
    write_ptp_nsx,
)

WriteSession = Callable[..., Path]
RAW = [{"format": "blackrock", "file": "raw.ns6"}]
BUNDLES = [{"label": "LHIP", "region": "hippocampus", "hemisphere": "left", "channels": [1, 2]}]
UNITS = [{"format": "nev", "file": "raw.nev"}]
EVENTS = [{"format": "blackrock", "file": "raw.nev"}]
MEMORY_BYTES = 300_000_000  # above what the interpreter and its libraries take


def convert(folder: Path, write_session: WriteSession, **keys: Any) -> ConversionReport:
    session_file = write_session(folder, **{"recordings": RAW, "bundles": BUNDLES, "write_lfp": False, **keys})
    return convert_session(session_file, folder / "nwb")


def read_raw(path: Path) -> list[tuple[float, float, np.ndarray]]:
    """Start, rate and samples of each block."""
    with h5py.File(path) as file:
        return [
            (series["starting_time"][()], series["starting_time"].attrs["rate"], series["data"][()])
            for series in file["acquisition"].values()
        ]


@pytest.mark.parametrize("spec", [(2, 2), (2, 3), (3, 0)])
def test_f39_f40_a_paused_recording_round_trips(tmp_path: Path, write_session: WriteSession, spec: Spec) -> None:
    first, second = make_samples(30000, 2), make_samples(45000, 2, seed=1)
    write_nsx(tmp_path / "raw.ns6", [(0, first), (120_000, second)], spec=spec)
    write_nev(tmp_path / "raw.nev", [spike(300), digital(15000, 3), spike(150_000)], spec=spec)
    report = convert(tmp_path, write_session, units=UNITS, events=EVENTS)
    blocks = read_raw(report.path)
    assert [(start, rate) for start, rate, _ in blocks] == [(0, 30000), (4, 30000)]
    for written, (_, _, kept) in zip((first, second), blocks, strict=True):
        assert kept.dtype == np.int16
        np.testing.assert_array_equal(kept, written)
    with h5py.File(report.path) as file:
        np.testing.assert_allclose(file["units/spike_times"][()], [0.01, 5], atol=1e-9)
        assert file["intervals/recorded_periods/stop_time"][()].tolist() == [1, 5.5]


def test_f39_f40_ptp_with_a_gap_and_drift_round_trips(tmp_path: Path, write_session: WriteSession) -> None:
    samples, stamps = make_samples(90_000, 2), ptp_stamps(120_000, rate_hz=30000.6)
    stamps = np.r_[stamps[:30_000], stamps[60_000:]]
    write_ptp_nsx(tmp_path / "raw.ns6", stamps, samples)
    write_nev(tmp_path / "raw.nev", [spike(stamps[15_000]), spike(stamps[75_000])], spec=(3, 0), ticks_hz=PTP_HZ)
    report = convert(tmp_path, write_session, units=UNITS)
    blocks = read_raw(report.path)
    np.testing.assert_array_equal(np.concatenate([kept for *_, kept in blocks]), samples)
    times_s = np.concatenate([start + np.arange(len(kept)) / rate for start, rate, kept in blocks])
    np.testing.assert_allclose(times_s, (stamps - PTP_START_NS) / PTP_HZ, atol=2e-6)
    with h5py.File(report.path) as file:
        np.testing.assert_allclose(file["units/spike_times"][()], times_s[[15_000, 75_000]], atol=2e-6)


def test_f39_a_clock_reset_loses_no_sample_and_no_spike(tmp_path: Path, write_session: WriteSession) -> None:
    first, second = make_samples(30000, 2), make_samples(30000, 2, seed=1)
    write_nsx(tmp_path / "raw.ns6", [(0, first), (96, second)])
    write_nev(tmp_path / "raw.nev", [spike(20000), spike(3000), spike(3300)])
    report = convert(tmp_path, write_session, units=UNITS)
    (start, _, kept), (next_start, _, next_kept) = read_raw(report.path)
    np.testing.assert_array_equal(np.concatenate([kept, next_kept]), np.concatenate([first, second]))
    assert (start, next_start) == (0, pytest.approx(1 + 96 / 30000))
    with h5py.File(report.path) as file:
        np.testing.assert_allclose(file["units/spike_times"][()], [20000 / 30000, 1.1, 1.11])
    assert [gap.seconds for gap in report.gaps] == [None]


def test_f39_a_moment_before_a_reset_does_not_shift_spikes(tmp_path: Path, write_session: WriteSession) -> None:
    write_nsx(tmp_path / "raw.ns6", [(0, make_samples(300, 2)), (0, make_samples(60000, 2))])
    write_nev(tmp_path / "raw.nev", [spike(30000)])
    report = convert(tmp_path, write_session, units=UNITS)
    ((start, _, _),) = read_raw(report.path)
    with h5py.File(report.path) as file:
        np.testing.assert_allclose(file["units/spike_times"][()] - start, [1.0])


def test_f39_f40_spec_2_1_round_trips(tmp_path: Path, write_session: WriteSession) -> None:
    samples = make_samples(30001, 2)
    write_nsx_2_1(tmp_path / "raw.ns5", samples, [1, 2])
    write_nev(tmp_path / "raw.nev", [spike(300)], spec=(2, 1), channels=[1, 2])
    report = convert(tmp_path, write_session, recordings=[{**RAW[0], "file": "raw.ns5"}], units=UNITS)
    ((_, _, kept),) = read_raw(report.path)
    np.testing.assert_array_equal(kept, samples)


def test_f39_parts_and_capital_letters(tmp_path: Path, write_session: WriteSession) -> None:
    samples = make_samples(60000, 2)
    for part, first in ((1, 0), (2, 30000)):
        write_nsx(tmp_path / f"Raw-00{part}.NS6", [(first, samples[first : first + 30000])])
        write_nev(tmp_path / f"Raw-00{part}.NEV", [spike(first + 300), digital(first + 600, part)])
    report = convert(
        tmp_path,
        write_session,
        recordings=[{**RAW[0], "file": "raw-*.ns6"}],
        units=[{**UNITS[0], "file": "raw-*.nev"}],
        events=[{**EVENTS[0], "file": "raw-*.nev"}],
    )
    ((_, _, kept),) = read_raw(report.path)
    np.testing.assert_array_equal(kept, samples)
    assert report.units == 1
    with h5py.File(report.path) as file:
        np.testing.assert_allclose(file["units/spike_times"][()], [0.01, 1.01])


@pytest.mark.parametrize("keys", [{"units": UNITS}, {"events": EVENTS}])
def test_f39_a_nev_of_another_session_is_refused(
    tmp_path: Path, write_session: WriteSession, keys: dict[str, Any]
) -> None:
    write_nsx(tmp_path / "raw.ns6", [(0, make_samples(30000, 2))])
    write_nev(tmp_path / "raw.nev", [spike(300), digital(600, 3)], started=STARTED.replace(hour=11))
    with pytest.raises(InputError, match=r"raw\.nev: began 3600 s before or after raw\.ns6, so they are of different"):
        convert(tmp_path, write_session, **keys)
    assert not list(tmp_path.rglob("*.nwb"))


def test_f39_a_recording_without_spikes_is_refused_only_if_it_lists_units(
    tmp_path: Path, write_session: WriteSession
) -> None:
    write_nsx(tmp_path / "raw.ns6", [(0, make_samples(30000, 2))])
    write_nev(tmp_path / "raw.nev", [spike(300, klass=0), spike(600, klass=255)])
    with pytest.raises(InputError, match=r"no spikes in raw\.nev"):
        convert(tmp_path, write_session, units=UNITS)
    assert convert(tmp_path, write_session).units == 0


def test_gaps_are_reported(tmp_path: Path, write_session: WriteSession) -> None:
    write_nsx(tmp_path / "raw.ns6", [(0, make_samples(30000, 2)), (120_000, make_samples(30000, 2))])
    (gap,) = convert(tmp_path, write_session).gaps
    assert (gap.file, gap.start_s, gap.stop_s, gap.seconds) == ("raw.ns6", 1, 4, 3)
    assert str(gap) == "raw.ns6: gap of 3 s from 1.000000 to 4.000000 s"


def test_the_command_line_says_gaps_on_stderr_and_in_json(tmp_path: Path, write_session: WriteSession) -> None:
    write_nsx(tmp_path / "raw.ns6", [(0, make_samples(30000, 2)), (120_000, make_samples(30000, 2))])
    session_file = write_session(tmp_path, recordings=RAW, bundles=BUNDLES)
    arguments = ["convert", str(session_file), "-o", str(tmp_path / "nwb"), "--dry-run", "--json"]
    result = CliRunner().invoke(app, arguments)
    (document,) = json.loads(result.stdout)
    assert document["gaps"] == [{"file": "raw.ns6", "start_s": 1.0, "stop_s": 4.0, "seconds": 3.0}]
    assert "raw.ns6: gap of 3 s from 1.000000 to 4.000000 s" in result.stderr


def patch(path: Path, offset: int, layout: str, *values: int) -> None:
    content = bytearray(path.read_bytes())
    struct.pack_into(layout, content, offset, *values)
    path.write_bytes(content)


def craft(folder: Path, name: str) -> None:
    """A session whose files claim far more than they hold."""
    nsx = write_nsx(folder / "raw.ns6", [(0, make_samples(30000, 2))])
    nev = write_nev(folder / "raw.nev", [spike(300)])
    first_packet = 314 + 2 * 66
    if name == "channels":
        patch(nsx, 310, "<I", 65535)
        with nsx.open("r+b") as stream:
            stream.truncate(8 * 2**40)  # nothing but a number: the file is sparse
    elif name == "all channels":
        patch(nsx, 310, "<I", 2**32 - 1)
    elif name == "samples":
        patch(nsx, first_packet + 5, "<I", 2**32 - 1)
    elif name == "headers":
        patch(nsx, 10, "<I", 2**32 - 1)
    elif name == "tiny packets":
        nsx.write_bytes(nsx.read_bytes()[:first_packet] + struct.pack("<BII", 1, 0, 0) * 600_000)
    elif name == "nev packets":
        patch(nev, 16, "<I", 2**32 - 1)
    elif name == "nev headers":
        patch(nev, 332, "<I", 2**31)
        patch(nev, 12, "<I", 2**32 - 1)
    elif name == "scattered stamps":
        stamps = np.random.default_rng(0).integers(0, 2**62, 200_000)
        write_ptp_nsx(nsx, stamps, np.zeros((200_000, 2), np.int16))


CRAFTED = {
    "channels": "raw.ns6: damaged header (65535 channels)",
    "all channels": "raw.ns6: damaged header (4294967295 channels)",
    "samples": "raw.ns6: truncated or damaged (packet 1 should hold 4294967295 samples, the file ends after 30000)",
    "headers": "raw.ns6: truncated or damaged (no data packet at byte 4294967295",
    "tiny packets": "raw.ns6: damaged: more than 500000 packets",
    "nev packets": "raw.nev: damaged header",
    "nev headers": "raw.nev: damaged header",
    "scattered stamps": "raw.ns6: damaged: samples are missing in more than 10000 places",
}


OPEN_ALL = """
import sys
from contextlib import ExitStack
from pathlib import Path
from nwb_spikeinference.errors import InputError
from nwb_spikeinference_converters.blackrock.nev import read_nev
from nwb_spikeinference_converters.montage.session_file import read_session_file
from nwb_spikeinference_converters.sessions.opened_recordings import open_sources
for name in sys.argv[1:]:
    path = Path(name)
    try:
        open_sources(read_session_file(path), path.parent, ExitStack())
        read_nev(path.parent / "raw.nev")
    except InputError as error:
        print(error)
"""


def limit_memory() -> None:
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY_BYTES, MEMORY_BYTES))


@pytest.fixture(scope="module")
def refusals(tmp_path_factory: pytest.TempPathFactory, write_session: WriteSession) -> dict[str, str]:
    """What is said of each crafted session, by a process that may not use much memory."""
    files = []
    for name in CRAFTED:
        folder = tmp_path_factory.mktemp("crafted")
        craft(folder, name)
        files.append(str(write_session(folder, recordings=RAW, bundles=BUNDLES, units=UNITS)))
    result = subprocess.run(
        [sys.executable, "-c", OPEN_ALL, *files],
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=limit_memory if sys.platform == "linux" else None,
        env={"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "PATH": "/usr/bin:/bin"},
    )
    assert result.returncode == 0, result.stderr
    return dict(zip(CRAFTED, result.stdout.splitlines(), strict=True))


@pytest.mark.parametrize("name", list(CRAFTED))
def test_f41_a_crafted_file_is_refused_in_bounded_memory(refusals: dict[str, str], name: str) -> None:
    assert CRAFTED[name] in refusals[name]
