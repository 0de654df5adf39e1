"""
Open NWB files that anybody may have written, and refuse what is damaged or reaches outside itself.

h5py rather than pynwb: files of every NWB 2 version and with any extension read the same way, only the facts asked for
are built, and every way in which a damaged file can fail is one of a few known exceptions.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from io import RawIOBase
from math import prod
from pathlib import Path

import h5py

from nwb_spikeinference.errors import InputError, describe

# What h5py raises on damaged content, and plain lookups on content that is not what the format says.
H5_ERRORS = (OSError, RuntimeError, KeyError, ValueError, TypeError, IndexError, AttributeError)
MAX_RATIO = 1100  # deflate cannot shrink more than 1032 times, so more than this was never written
MAX_CHUNK_BYTES = 1 << 28  # HDF5 must hold a whole chunk in memory to read one value of it


@contextmanager
def open_nwb(path: Path, stream: RawIOBase | None = None) -> Iterator[h5py.File]:
    """
    Open an NWB file for reading.

    Parameters
    ----------
    path : Path
        The file; with a stream, its name in messages.
    stream : binary file, optional
        Where the content is read from instead.

    Raises
    ------
    InputError
        If the file is missing, empty, truncated, no HDF5, no NWB 2, or refers to data outside itself; and when reading
        it inside the context fails.
    """
    with _open_hdf5(path, stream) as file:
        try:
            _require_nwb2(file, path)
            _require_self_contained(file, path)
            yield file
        except H5_ERRORS as error:
            raise InputError(
                f"{path}: damaged, reading failed ({describe(error, longest=160)}); get a fresh copy of the file"
            ) from error


def _open_hdf5(path: Path, stream: RawIOBase | None) -> h5py.File:
    try:
        if stream is None:
            _require_content(path)
        return h5py.File(path if stream is None else stream, "r")
    except (OSError, RuntimeError) as error:
        raise _cannot_open(path, error) from error


def _require_content(path: Path) -> None:
    if not path.exists():
        raise InputError(f"{path}: no such file")
    if path.is_dir():
        raise InputError(f"{path}: is a folder; an NWB file in HDF5 format is needed")
    if path.stat().st_size == 0:
        raise InputError(f"{path}: is empty; get a fresh copy of the file")


def _cannot_open(path: Path, error: Exception) -> InputError:
    if "truncated" in str(error):
        return InputError(f"{path}: is truncated; copy or download it again")
    if "unable to lock file" in str(error):
        return InputError(f"{path}: another program has it open for writing; close it there")
    if "signature not found" in str(error):
        return InputError(f"{path}: is not an HDF5 file, so no NWB file that can be read here")
    return InputError(f"{path}: cannot be opened ({describe(error, longest=160)}); get a fresh copy of the file")


def _require_nwb2(file: h5py.File, path: Path) -> None:
    if "nwb_version" in file and "nwb_version" not in file.attrs:
        version = decode(file["nwb_version"][()])
        raise InputError(f"{path}: is NWB 1 ({version}); convert it to NWB 2 first")
    if "nwb_version" not in file.attrs or decode(file.attrs.get("neurodata_type", "")) != "NWBFile":
        raise InputError(f"{path}: is HDF5 but not NWB: the root has no nwb_version")


def _require_self_contained(file: h5py.File, path: Path) -> None:
    """Refuse links and storage outside the file: they could read anything the user may read, or be gone tomorrow."""
    links: list[tuple[bytes, int]] = []
    file.id.links.visit(lambda name, info: links.append((name, info.type)), info=True)
    for name, kind in links:  # not inside the visit, where h5py loses what is raised
        where = "/" + name.decode("utf-8", errors="replace")
        if kind == h5py.h5l.TYPE_EXTERNAL:
            raise InputError(f"{path}: {where} is a link to another file; copy the data into this one")
        if kind == h5py.h5l.TYPE_SOFT and not _leads_somewhere(file, name):
            raise InputError(f"{path}: {where} is a link that leads nowhere or to itself; remove it")
        item = file[name] if kind == h5py.h5l.TYPE_HARD else None
        if isinstance(item, h5py.Dataset) and (item.external or item.is_virtual):
            raise InputError(f"{path}: {where} keeps its values in another file; copy the data into this one")


def _leads_somewhere(file: h5py.File, name: bytes) -> bool:
    try:
        return file[name] is not None
    except (KeyError, RuntimeError):  # nothing there, or a loop
        return False


def require_plausible(dataset: h5py.Dataset) -> None:
    """
    Refuse a dataset that claims far more than the file holds, or whose chunks do not fit into memory.

    Raises
    ------
    InputError
        Names the dataset, what it claims and what is there.
    """
    where = f"{dataset.file.filename}: {dataset.name}"
    claimed = (dataset.size or 0) * dataset.dtype.itemsize
    stored = dataset.id.get_storage_size()
    if claimed > MAX_RATIO * stored + (1 << 16):
        raise InputError(
            f"{where} claims {claimed / 1e6:.0f} MB but holds {stored} bytes; get a fresh copy of the file"
        )
    if dataset.chunks and prod(dataset.chunks) * dataset.dtype.itemsize > MAX_CHUNK_BYTES:
        raise InputError(
            f"{where} has chunks {dataset.chunks} above {MAX_CHUNK_BYTES >> 20} MiB; write it again with smaller chunks"
        )


def decode(value: object) -> str:
    """Text of an HDF5 string, which old files store as bytes."""
    return value.decode("utf-8", errors="replace") if isinstance(value, bytes) else str(value)


def neurodata_type(item: h5py.Group | h5py.Dataset) -> str:
    """The NWB type that an object says it is, or an empty text."""
    return decode(item.attrs.get("neurodata_type", ""))
