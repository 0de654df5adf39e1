"""Features by this program (NWB file, folder, repeats, all | bands): prints their cost, keeps traces to compare."""

import json
import os
import resource
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from nwb_spikeinference.bands import default_bands
from nwb_spikeinference.config import SignalSettings, StudySettings, UnitSettings
from nwb_spikeinference.nwb.reading.read_session import open_signals, read_session
from nwb_spikeinference.pipeline.sessions.bundle_signal import find_blocks, read_bundle
from nwb_spikeinference.pipeline.sessions.prepare_session import prepare_session
from nwb_spikeinference.signal.features import stream_features

path, folder, repeats = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
settings = StudySettings(
    sessions=("x",),
    units=UnitSettings(min_spikes=1, drop_duplicates=False),
    signal=SignalSettings(wide_band=sys.argv[4] == "all"),
)
started, started_cpu = time.perf_counter(), time.process_time()
for _ in range(repeats):
    with TemporaryDirectory(dir=folder) as scratch:
        result = prepare_session(path, settings, Path(scratch))
        n_inputs = sum(len(inputs.features) for inputs in result.inputs.values())
        del result
seconds, cpu = time.perf_counter() - started, time.process_time() - started_cpu
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)

# What the other program is given to compare with: LFP of the first bundle as recorded, and band-pass traces of it.
session = read_session(path)
bundle = session.electrodes[0].bundle
wires = [electrode for electrode in session.electrodes if electrode.bundle == bundle and electrode.kind == "micro"]
with open_signals(path) as open_block:
    signal = read_bundle(open_block, find_blocks(session, wires), wires, (), settings.signal, folder)
lfp = np.array(signal.segments[0].recorded, np.float64)
bands = default_bands(settings.signal.line_hz)
samples = np.arange(len(lfp))
traces = np.stack(
    [
        np.concatenate(
            [
                rows[:, ::3]  # trace, quadrature, log envelope per band
                for _, rows in stream_features(
                    lambda start, stop, wire=wire: lfp[start:stop, wire],  # type: ignore[misc]
                    len(lfp), 1000.0, bands, samples, wide_band=False,
                )
            ]
        )
        for wire in range(lfp.shape[1])
    ],
    axis=2,
)  # fmt: skip
np.savez(folder / "own.npz", lfp=lfp, traces=traces, edges=[(band.low_hz, band.high_hz) for band in bands])
print(
    json.dumps(
        {"s": seconds, "cpu_s": cpu, "peak_MB": peak / 1e6, "n_inputs": n_inputs, "repeats": repeats,
         "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()}
    )
)  # fmt: skip
