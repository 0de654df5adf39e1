"""
Fill a large dataset from successive pieces, whole chunks at a time.
"""

from collections.abc import Iterable

import h5py
import numpy as np
from numpy.typing import NDArray

from nwb_spikeinference.errors import InputError

RAW_CHUNK = (30000, 8)  # one second of one bundle


def fill_dataset(dataset: h5py.Dataset, pieces: Iterable[NDArray[np.generic]]) -> None:
    """
    Write pieces one after the other along axis 0.

    Pieces are gathered until they fill chunks, since a chunk that is written twice is compressed twice.

    Raises
    ------
    InputError
        If the pieces together are not as long as the dataset.
    """
    step = dataset.chunks[0]
    written = 0
    pending: list[NDArray[np.generic]] = []
    for piece in pieces:
        pending.append(piece)
        whole = sum(map(len, pending)) // step * step
        if whole:
            gathered = pending[0] if len(pending) == 1 else np.concatenate(pending)
            _write(dataset, written, gathered[:whole])
            written += whole
            pending = [gathered[whole:]]
    for piece in pending:
        _write(dataset, written, piece)
        written += len(piece)
    if written != len(dataset):
        raise InputError(f"{dataset.name}: the source gave {written} samples, {len(dataset)} were announced")


def _write(dataset: h5py.Dataset, start: int, piece: NDArray[np.generic]) -> None:
    if start + len(piece) > len(dataset):
        raise InputError(f"{dataset.name}: the source gave more than the {len(dataset)} samples it announced")
    if len(piece):
        dataset[start : start + len(piece)] = piece
