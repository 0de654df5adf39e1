"""
Origin of NWB files: the program that made one, and the sources that it was made from.
"""

from pathlib import Path

import h5py

from nwb_spikeinference.nwb.names import GENERATED_BY, PROGRAM


def is_damaged(path: Path) -> bool:
    """Whether a file begins as HDF5 but cannot be opened, as when it was cut short: nobody can say who made it."""
    try:
        with h5py.File(path, "r"):
            return False
    except OSError:
        return bool(h5py.is_hdf5(path))


def own_identifier(path: Path) -> str | None:
    """The identifier of a complete file that this program made; None for any other file."""
    try:
        with h5py.File(path, "r") as file:
            makers = file[GENERATED_BY].asstr()[:, 0]
            return str(file["identifier"].asstr()[()]) if PROGRAM in makers else None
    except (OSError, KeyError, TypeError, ValueError, AttributeError):
        return None
