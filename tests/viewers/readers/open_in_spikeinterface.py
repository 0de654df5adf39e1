"""Read a session's LFP with SpikeInterface: FILE.nwb -> FOUND.npz."""

import sys

import numpy as np
from spikeinterface.extractors import read_nwb_recording

path, found = sys.argv[1:]
recording = read_nwb_recording(path)  # names no series: the file must hold one signal only
np.savez(
    found,
    lfp_uv=recording.get_traces(return_in_uV=True),
    rate_hz=recording.get_sampling_frequency(),
    wires=recording.get_property("wire"),
    areas=recording.get_property("brain_area"),
)
