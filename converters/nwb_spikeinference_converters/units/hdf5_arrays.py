"""
Arrays of HDF5 files that sorters write: believed only where the file itself holds them.
"""

from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from nwb_spikeinference.errors import InputError
from nwb_spikeinference.nwb.storage.open_file import require_plausible


def read_array(file: h5py.File, name: str) -> NDArray[Any] | None:
    """
    All values of one dataset; None if there is no such name.

    Raises
    ------
    InputError
        If it is a group, keeps its values in another file, or claims far more than the file holds.
    """
    if name not in file:
        return None
    item = file[name]
    where = f"{file.filename}: {name!r}"
    if not isinstance(item, h5py.Dataset):
        raise InputError(f"{where} must hold numbers, found a group")
    if item.file.filename != file.filename or item.external or item.is_virtual:
        raise InputError(f"{where} keeps its values in another file; copy them into this one")
    require_plausible(item)
    return np.asarray(item[()])
