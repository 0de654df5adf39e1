"""Read a session's results with pynwb alone: FILE.nwb -> FOUND.npz."""

import importlib.util
import sys

import numpy as np
import pynwb

assert importlib.util.find_spec("nwb_spikeinference") is None, "this environment must not see the package"
path, found = sys.argv[1:]
with pynwb.NWBHDF5IO(path, "r") as io:
    module = io.read().processing["spike_inference"]
    series = module["spike_probability"]
    assert isinstance(series, pynwb.TimeSeries)
    np.savez(
        found,
        probabilities=series.data[:],
        rate_hz=series.rate,
        n_spikes=[len(times) for times in series.units.to_dataframe()["spike_times"]],
        bands=module["lobo"].to_dataframe()["band"].to_numpy(str),
        architecture=module["model"].architecture,
    )
