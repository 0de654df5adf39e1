"""
What writing results costs beyond copying the file, and how long one unit's trace of an hour takes to read.

Results of a 60 s session of 32 channels and 60 units, by both protocols; times are the best of several.
"""

import tempfile
import time
from collections.abc import Callable, Collection
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import h5py
import numpy as np
from pynwb import NWBHDF5IO, H5DataIO, NWBFile
from pynwb.ecephys import ElectricalSeries
from pynwb.file import Subject
from scipy.special import expit

from nwb_spikeinference.files import sha256_file
from nwb_spikeinference.nwb.copies.copy_file import copy_without
from nwb_spikeinference.nwb.results.result_records import (
    InferredStretch,
    ModelProvenance,
    ResultTables,
    SessionResults,
    SpikeProbabilities,
)
from nwb_spikeinference.nwb.results.results_writer import write_results_copy
from nwb_spikeinference.records import Protocol

RATE_HZ = 200.0
N_UNITS = 60


def main() -> None:
    """Print both figures."""
    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        session = write_recording(folder / "session.nwb", 60, rng)
        results = make_results(session, 60, rng)
        target, plain = folder / "written.nwb", folder / "copied.nwb"
        for keep_raw, what in ((False, "without raw voltages, as usual"), (True, "with raw voltages")):
            write = partial(write_results_copy, session, target, results, overwrite=True, keep_raw=keep_raw)
            whole_s = best_of(4, write)
            copy_s = best_of(4, partial(copy, session, plain, () if keep_raw else {"/acquisition/ElectricalSeries"}))
            size_mb = target.stat().st_size / 1e6
            print(f"60 s, {N_UNITS} units, both protocols, {what}: {size_mb:.0f} MB in {whole_s:.2f} s")
            print(f"  the copy alone {copy_s:.2f} s, beyond it {whole_s - copy_s:.2f} s (proof, validation, results)")
        hour = write_recording(folder / "hour.nwb", 0, rng)
        write_results_copy(hour, target, make_results(hour, 3600, rng), overwrite=True)
        print(f"one unit's trace of an hour: {1e3 * best_of(5, lambda: read_trace(target)):.0f} ms")


def best_of(n: int, act: Callable[[], object]) -> float:
    """Shortest of several durations, in seconds."""
    seconds = []
    for _ in range(n):
        began = time.perf_counter()
        act()
        seconds.append(time.perf_counter() - began)
    return min(seconds)


def copy(source: Path, target: Path, left_out: Collection[str]) -> None:
    """Only what writing results does to get a copy."""
    target.unlink(missing_ok=True)
    with h5py.File(source) as original, h5py.File(target, "w") as copied:
        copy_without(original, copied, left_out)


def read_trace(path: Path) -> np.ndarray:
    """From opening the file to the last value."""
    with h5py.File(path) as file:
        return np.asarray(file["processing/spike_inference/spike_probability/data"][:, 17])


def write_recording(path: Path, seconds: int, rng: np.random.Generator) -> Path:
    """Raw voltages of 32 channels, if any, and units."""
    start = datetime(2000, 1, 1, tzinfo=UTC)
    file = NWBFile(session_description="noise", identifier="benchmark", session_start_time=start, session_id="1")
    file.subject = Subject(subject_id="P1", species="Homo sapiens", sex="U", age="P30Y")
    group = file.create_electrode_group(
        name="A", description="bundle", location="unknown", device=file.create_device(name="recorder")
    )
    for _ in range(32):
        file.add_electrode(group=group, location="unknown")
    if seconds:
        data = rng.normal(scale=100, size=(seconds * 30000, 32)).astype(np.int16)
        file.add_acquisition(
            ElectricalSeries(
                name="ElectricalSeriesRaw",
                data=H5DataIO(data, compression="gzip", compression_opts=1, shuffle=True, chunks=(30000, 8)),
                electrodes=file.create_electrode_table_region(region=list(range(32)), description="all"),
                rate=30000.0,
                conversion=0.25e-6,
            )
        )
    for unit_id in range(N_UNITS):
        file.add_unit(id=unit_id, spike_times=np.sort(rng.uniform(0, 60, 200)))
    with NWBHDF5IO(path, "w") as io:
        io.write(file)
    return path


def make_results(source: Path, seconds: int, rng: np.random.Generator) -> SessionResults:
    """Probabilities as a network gives them: around the rate of the unit, changing slowly."""
    model = ModelProvenance(
        name="model", model="bilstm", protocol="unseen-participant", fold=0, architecture="", settings={},
        weights_sha256="", versions={"program": "1"}, training_participants=("P2",),
    )  # fmt: skip

    def series(protocol: Protocol) -> SpikeProbabilities:
        slow = np.cumsum(rng.normal(scale=0.05, size=(round(seconds * RATE_HZ), N_UNITS)), axis=0)
        return SpikeProbabilities(
            protocol=protocol, model="bilstm", rate_hz=RATE_HZ, start_s=0.0, unit_rows=tuple(range(N_UNITS)),
            probabilities=expit(np.sin(slow) - 4).astype(np.float32),
            stretches=tuple(
                InferredStretch(unit_row=row, fold=0, model="model", start_s=0.0, stop_s=float(seconds))
                for row in range(N_UNITS)
            ),
        )  # fmt: skip

    return SessionResults(
        study="benchmark", participant="P1", session="1", source_sha256=sha256_file(source), models=(model,),
        main=series("unseen-participant"), within_session=series("within-session"), tables=ResultTables(),
    )  # fmt: skip


if __name__ == "__main__":
    main()
