"""Read a session's predictions with pynapple: FILE.nwb -> FOUND.npz."""

import sys

import numpy as np
import pynapple

path, found = sys.argv[1:]
frame = pynapple.load_file(path)["spike_probability"]
np.savez(found, kind=type(frame).__name__, probabilities=frame.values, times_s=frame.times())
