"""
Time, size and memory of a conversion, beside neuroconv's; run it through ``scripts/benchmark``.

Every measurement is a process of its own, and the two programs take turns, so that both meet the same machine. Times
exclude imports, on both sides; peaks of memory include them.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import h5py
import yaml

from nwb_spikeinference.simulate.simulated_study import SimulationSettings, write_blackrock_study

SCRIPTS = Path(__file__).parent
BUNDLES = 4  # 32 channels
CHANNEL = 5

Measured = dict[str, Any]  # s, MB, peak_MB, and for one file its path


def main() -> None:
    """Simulate, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--other", required=True, type=Path, help="Python that has neuroconv")
    parser.add_argument("--repeats", type=int, default=3, help="the fastest of so many counts")
    parser.add_argument("--long", action="store_true", help="also a recording of 10 minutes")
    parser.add_argument("--folder", type=Path, help="where files go, and stay; default: a temporary folder")
    arguments = parser.parse_args()
    with TemporaryDirectory(prefix="nsi-benchmark-") as temporary:
        folder = arguments.folder or Path(temporary)
        sessions = simulate(folder / "study", seconds=60, participants=2)
        measured = compare(folder, sessions[0], arguments.other, arguments.repeats)
        show(measured, sessions[0].with_name("raw.ns6").stat().st_size / 1e6)
        show_jobs(folder, sessions)
        if arguments.long:
            (session,) = simulate(folder / "long", seconds=600, participants=1)
            found = convert(session, folder / "out-long", folder)
            print(f"10 minutes, with LFP: {found['s']:.1f} s, peak {found['peak_MB']:.0f} MB (wanted: below 400 MB)")


def simulate(folder: Path, *, seconds: float, participants: int) -> tuple[Path, ...]:
    """Session files; made once where the folder stays."""
    known = tuple(sorted(folder.glob("*/session.yaml")))
    if len(known) == participants:
        return known
    print(f"simulating {participants} x {seconds:g} s of {8 * BUNDLES} channels", file=sys.stderr)
    settings = SimulationSettings(participants=participants, seconds=seconds, bundles=BUNDLES)
    return write_blackrock_study(folder, settings, overwrite=True)


def compare(folder: Path, session: Path, other: Path, repeats: int) -> dict[str, Measured]:
    """The fastest of several runs of each program, which take turns."""
    settings = yaml.safe_load(session.read_text(encoding="utf-8"))
    raw_only = session.with_name("raw-only.yaml")
    raw_only.write_text(yaml.safe_dump({**settings, "write_lfp": False}), encoding="utf-8")
    runs: dict[str, list[Measured]] = {"neuroconv": [], "without LFP": [], "with LFP": []}
    for _ in range(repeats):
        target = folder / "neuroconv.nwb"
        target.unlink(missing_ok=True)
        source = session.with_name("raw.ns6")
        runs["neuroconv"].append(run_child(other, "_benchmark_neuroconv.py", source, target))
        runs["without LFP"].append(convert(raw_only, folder / "out-raw-only", folder))
        runs["with LFP"].append(convert(session, folder / "out", folder))
    measured = {name: min(found, key=lambda one: float(one["s"])) for name, found in runs.items()}
    for one in measured.values():
        one["channel_s"] = time_channel(Path(one["path"]))
    return measured


def convert(session: Path, output: Path, folder: Path) -> Measured:
    """Convert one session with this program, in a process of its own."""
    assert output.is_relative_to(folder)
    shutil.rmtree(output, ignore_errors=True)
    return run_child(Path(sys.executable), "_benchmark_convert.py", session, output)


def run_child(python: Path, script: str, *arguments: Path) -> Measured:
    """What a script printed last."""
    command = [str(python), str(SCRIPTS / script), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{script} failed:\n{done.stderr}")
    found: Measured = json.loads(done.stdout.splitlines()[-1])
    return found


def time_channel(path: Path) -> float:
    """Seconds to read one channel of the raw signal, the fastest of three."""
    found = []
    with h5py.File(path) as file:
        (series,) = (item for name, item in file["acquisition"].items() if name.startswith("ElectricalSeries"))
        for _ in range(3):
            started = time.perf_counter()
            series["data"][:, CHANNEL]
            found.append(time.perf_counter() - started)
    return min(found)


def show(measured: dict[str, Measured], source_mb: float) -> None:
    """One line per program, and what was wanted."""
    other = measured["neuroconv"]
    print(f"{os.cpu_count()} cores; 60 s x {8 * BUNDLES} channels, {source_mb:.0f} MB; times exclude imports")
    print(f"{'':24}{'s':>8}{'faster':>8}{'MB':>8}{'size':>8}{'peak MB':>9}{'channel s':>11}{'faster':>8}")
    for name, one in measured.items():
        print(
            f"{name:24}{one['s']:8.2f}{other['s'] / one['s']:8.1f}{one['MB']:8.1f}{one['MB'] / other['MB']:8.3f}"
            f"{one['peak_MB']:9.0f}{one['channel_s']:11.3f}{other['channel_s'] / one['channel_s']:8.1f}"
        )
    print("wanted: 10 times as fast, 0.82 of the size (without LFP, as neuroconv writes none), below 400 MB,")
    print("one channel 10 times as fast")


def show_jobs(folder: Path, sessions: Sequence[Path]) -> None:
    """Two sessions one after the other and side by side, imports included, as from the command line."""
    seconds = {}
    for jobs in (1, 2):
        shutil.rmtree(folder / "out-jobs", ignore_errors=True)
        nsi = Path(sys.executable).with_name("nsi")
        command = [nsi, "convert", *sessions, "-o", folder / "out-jobs", "--jobs", str(jobs)]
        started = time.perf_counter()
        subprocess.run(list(map(str, command)), check=True, capture_output=True)
        seconds[jobs] = time.perf_counter() - started
    print(f"nsi convert, 2 sessions: --jobs 1 {seconds[1]:.2f} s, --jobs 2 {seconds[2]:.2f} s (imports included)")


if __name__ == "__main__":
    main()
