"""
Is what a file holds what the recorder wrote?
"""

from pathlib import Path

import h5py
import numpy as np

from nwb_spikeinference.errors import InputError
from nwb_spikeinference.nwb.chunks import RAW_CHUNK
from nwb_spikeinference.nwb.names import RAW_SERIES, series_name
from nwb_spikeinference.nwb.raw_records import SessionContent, VoltageSource

_READ_SAMPLES = RAW_CHUNK[0] * 10


def require_identical(path: Path, content: SessionContent) -> None:
    """
    Compare every raw sample of every electrode with its source.

    Raises
    ------
    InputError
        Names the first series and channel that differ.
    """
    with h5py.File(path, "r") as file:
        for source in content.raw:
            for block in range(len(source.periods)):
                name = series_name(RAW_SERIES, source.name, block, len(source.periods))
                _compare(file[f"acquisition/{name}/data"], source, block)


def _compare(written: h5py.Dataset, source: VoltageSource, block: int) -> None:
    n_samples = source.periods[block].n_samples
    if written.shape != (n_samples, len(source.gain)) or written.dtype != np.int16:
        raise InputError(f"{written.name}: has shape {written.shape}, the source ({n_samples}, {len(source.gain)})")
    for start in range(0, n_samples, _READ_SAMPLES):
        stop = min(start + _READ_SAMPLES, n_samples)
        equal = np.all(written[start:stop] == source.read(block, start, stop), axis=0)
        if not np.all(equal):
            label = source.labels[int(np.argmin(equal))]
            raise InputError(f"{written.name}: channel {label} differs from its source; the disk may be failing")
