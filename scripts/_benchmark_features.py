"""
Time and memory from raw signal to features, beside SpikeInterface; run it through ``scripts/benchmark_features``.

Each program runs in a process of its own, and they take turns. Times exclude imports, peaks of memory include them.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from nwb_spikeinference.pipeline.conversion import convert_sessions
from nwb_spikeinference.simulate.simulated_study import SimulationSettings, write_blackrock_study

SCRIPTS = Path(__file__).parent
BUNDLES = 2  # of the simulated recording, 8 wires each
WHOLE = 76  # bundles of the reference study: 608 wires

Measured = dict[str, Any]


def main() -> None:
    """Simulate, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--other", required=True, type=Path, help="Python that has SpikeInterface")
    parser.add_argument("--repeats", type=int, default=3, help="the fastest of so many counts")
    parser.add_argument("--whole", action="store_true", help=f"also all {WHOLE} bundles, one after the other")
    parser.add_argument("--folder", type=Path, help="where files go, and stay; default: a temporary folder")
    arguments = parser.parse_args()
    with TemporaryDirectory(prefix="nsi-benchmark-") as temporary:
        folder = arguments.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        path = simulate(folder)
        runs: dict[str, list[Measured]] = {"own": [], "bands": [], "other": []}
        for _ in range(arguments.repeats):
            runs["own"].append(run_own(path, folder, 5, "all"))
            runs["bands"].append(run_own(path, folder, 5, "bands"))
            runs["other"].append(run_child(arguments.other, "_benchmark_features_spikeinterface.py", path, folder))
        show(*(min(found, key=lambda one: float(one["s"])) for found in runs.values()))
        if arguments.whole:
            found = run_own(path, folder, WHOLE // BUNDLES, "all")
            print(f"measured, {WHOLE} bundles in turn: {found['whole_s']:.0f} s, peak {found['peak_MB']:.0f} MB")


def simulate(folder: Path) -> Path:
    """One converted recording of 60 s; made once where the folder stays."""
    known = sorted(folder.glob("nwb/*/*.nwb"))
    if known:
        return known[0]
    print(f"simulating 60 s of {8 * BUNDLES} wires", file=sys.stderr)
    settings = SimulationSettings(participants=1, seconds=60, bundles=BUNDLES)
    sessions = write_blackrock_study(folder / "raw", settings, overwrite=True)
    (done,) = convert_sessions(sessions, folder / "nwb")
    if done.report is None:
        sys.exit(f"could not convert: {done.error}")
    return done.report.path


def run_child(python: Path, script: str, *arguments: object) -> Measured:
    """What a script printed last."""
    done = subprocess.run(
        [str(python), str(SCRIPTS / script), *map(str, arguments)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(f"{script} failed:\n{done.stderr}")
    found: Measured = json.loads(done.stdout.splitlines()[-1])
    return found


def run_own(path: Path, folder: Path, repeats: int, features: str) -> Measured:
    """Cost per bundle of this program."""
    found = run_child(Path(sys.executable), "_benchmark_features_own.py", path, folder, repeats, features)
    n_bundles = BUNDLES * repeats
    return found | {"s": found["s"] / n_bundles, "cpu_s": found["cpu_s"] / n_bundles, "whole_s": found["s"]}


def show(own: Measured, bands: Measured, other: Measured) -> None:
    """One line per program, and what was wanted."""
    print(f"{own['cores']} cores; one bundle: 8 wires x 60 s, raw to features; times exclude imports")
    print(f"{'':20}{'s':>8}{'CPU s':>8}{'peak MB':>9}{'faster':>9}{'in CPU':>9}")
    for name, one in (("SpikeInterface", other), ("same bands", bands), ("all features", own)):
        ratios = f"{other['s'] / one['s']:9.1f}{other['cpu_s'] / one['cpu_s']:9.1f}"
        print(f"{name:20}{one['s']:8.2f}{one['cpu_s']:8.2f}{one['peak_MB']:9.0f}{ratios}")
    print(
        f"{WHOLE} bundles, 608 wires, extrapolated: {WHOLE * own['s']:.0f} s, {WHOLE * own['cpu_s']:.0f} s of CPU time"
    )
    print("wanted: 3 times as fast with the same bands, all 608 wires within 100 s, below 600 MB")
    print(f"same filters on the same LFP: band-pass traces differ by {other['bandpass_difference']:.1e} SD at most")
    print("other low-pass before decimation, so LFP differs by", end=" ")
    print(", ".join(f"{value:.1e} SD in {band}" for band, value in other["lfp_difference"].items()))


if __name__ == "__main__":
    main()
