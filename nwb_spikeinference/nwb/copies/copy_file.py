"""
Copy an NWB file object by object, leaving some out.

Works on HDF5 alone: types that nobody here knows are copied as they are, chunks are copied without being unpacked, and
the space of what is left out is not taken. References inside the file are pointed at the copies.
"""

import hashlib
from collections.abc import Collection, Iterator, Mapping
from typing import Any, NamedTuple

import h5py
import numpy as np
from numpy.typing import NDArray

from nwb_spikeinference.errors import InputError
from nwb_spikeinference.nwb.storage.chunk_reader import filters_of
from nwb_spikeinference.nwb.storage.open_file import decode

# Attributes that follow the schema, of which pynwb writes its own version: a table of electrodes was once a plain one.
OF_THE_SCHEMA = {".specloc", "nwb_version", "namespace", "neurodata_type"}
_PIECE_BYTES = 1 << 24  # of a dataset compared at once


class _Copied(NamedTuple):
    source_path: str
    target_path: str


def copy_without(source: h5py.File, target: h5py.File, left_out: Collection[str]) -> None:
    """
    Copy everything but some objects into an empty file.

    What a soft link finds inside an object that is left out is copied to the place of the link.

    Parameters
    ----------
    left_out : collection of str
        Absolute paths; nothing but what lies inside may refer to them or to what they hold, see `is_referred_to`.
    """
    copied = {_address(source): _Copied("/", "/")}
    _copy_children(source, target, left_out, copied)
    for source_path, target_path in copied.values():
        _complete(source[source_path], target[target_path], copied)


def _copy_children(
    source: h5py.Group, target: h5py.Group, left_out: Collection[str], copied: dict[int, _Copied]
) -> None:
    for key in source:
        link = source.get(key, getlink=True)
        if isinstance(link, h5py.SoftLink) and not _is_below(_resolved(source, link), left_out):
            target[key] = h5py.SoftLink(link.path)
            continue
        item = source[key]
        if item.name in left_out or (isinstance(link, h5py.SoftLink) and _resolved(source, link) in left_out):
            continue
        if _address(item) in copied:
            target[key] = target.file[copied[_address(item)].target_path]
            continue
        copied[_address(item)] = _Copied(item.name, f"{target.name.rstrip('/')}/{key}")
        if isinstance(item, h5py.Group):
            _copy_children(item, target.create_group(key), left_out, copied)
        else:
            source.copy(item, target, name=key, without_attrs=True)


def _address(item: h5py.Group | h5py.Dataset) -> int:
    return int(h5py.h5o.get_info(item.id).addr)


def _is_below(path: str, parents: Collection[str]) -> bool:
    return any(path == parent or path.startswith(parent + "/") for parent in parents)


def _complete(source: h5py.HLObject, target: h5py.HLObject, copied: Mapping[int, _Copied]) -> None:
    """Copy attributes and references, once what they lead to is there."""
    for key in source.attrs:
        value, dtype = source.attrs[key], source.attrs.get_id(key).dtype
        is_reference = _holds_references(dtype)
        found = _translate(np.asarray(value, dtype), source, target, copied) if is_reference else value
        target.attrs.create(key, found, dtype=dtype)
    if isinstance(source, h5py.Dataset) and source.size and _holds_references(source.dtype):
        target[...] = _translate(np.asarray(source[()], source.dtype), source, target, copied)


def _translate(
    values: NDArray[Any], source: h5py.HLObject, target: h5py.HLObject, copied: Mapping[int, _Copied]
) -> NDArray[Any]:
    """Values whose object references lead to the copies of what they led to."""
    translated = values.copy()
    if values.dtype.names is not None:
        for field in values.dtype.names:
            if _holds_references(values.dtype[field]):
                translated[field] = _translate(values[field], source, target, copied)
        return translated
    flat = translated.reshape(-1)
    for position, reference in enumerate(values.reshape(-1)):
        if reference:
            flat[position] = target.file[copied[_address(source.file[reference])].target_path].ref
    return translated


def _holds_references(dtype: np.dtype[Any]) -> bool:
    if dtype.names is not None:
        return any(_holds_references(dtype[field]) for field in dtype.names)
    return h5py.check_ref_dtype(dtype) is h5py.Reference


def is_referred_to(file: h5py.File, path: str) -> bool:
    """Whether an object reference leads to an object or into it, or a soft link to it, from outside of it."""
    for name in walk(file, [path]):
        item = file[name]
        if any(_is_below(target, [path]) for target in _targets_of(item)):
            return True
        if isinstance(item, h5py.Group):
            links = (item.get(key, getlink=True) for key in item)
            if any(isinstance(link, h5py.SoftLink) and _resolved(item, link) == path for link in links):
                return True
    return False


def _targets_of(item: h5py.Group | h5py.Dataset) -> Iterator[str]:
    """Where the references of an object lead, those in its attributes too."""
    for key in item.attrs:
        dtype = item.attrs.get_id(key).dtype
        if _holds_references(dtype):
            yield from _targets(item.file, np.asarray(item.attrs[key], dtype))
    if isinstance(item, h5py.Dataset) and item.size and _holds_references(item.dtype):
        yield from _targets(item.file, np.asarray(item[()], item.dtype))


def _targets(file: h5py.File, values: NDArray[Any]) -> Iterator[str]:
    if values.dtype.names is not None:
        for field in values.dtype.names:
            if _holds_references(values.dtype[field]):
                yield from _targets(file, values[field])
        return
    for reference in values.reshape(-1):
        if reference:
            yield str(file[reference].name)


def walk(file: h5py.File, left_out: Collection[str] = ()) -> list[str]:
    """Absolute paths of all groups and datasets, each object once, in the order of names."""
    names: list[str] = []
    file.visit(names.append)
    return ["/", *(f"/{name}" for name in names if not _is_below(f"/{name}", left_out))]


def require_copied(original: h5py.File, copy: h5py.File, left_out: Collection[str]) -> None:
    """
    Prove that a copy holds every object as the original does, but those left out, and the names of types.

    Raises
    ------
    InputError
        Names the first object that is missing or differs.
    """
    for path in walk(original, left_out):
        if path not in copy or not _is_same(original[path], copy[path]):
            raise InputError(f"{original.filename}: {path} was not copied unchanged; check the disk and run again")


def _is_same(original: h5py.HLObject, copy: h5py.HLObject) -> bool:
    keys = set(original.attrs) - OF_THE_SCHEMA
    if any(key not in copy.attrs or attribute_text(original, key) != attribute_text(copy, key) for key in keys):
        return False
    if not isinstance(original, h5py.Dataset):
        return True
    if holds_plain_chunks(original) and isinstance(copy, h5py.Dataset) and _same_chunks(original, copy):
        return True
    return dataset_digest(original) == dataset_digest(copy)


def holds_plain_chunks(dataset: h5py.Dataset) -> bool:
    """Whether equal chunks mean equal values; texts of any length and references lie elsewhere in the file."""
    return bool(dataset.chunks) and not dataset.dtype.hasobject


def _same_chunks(one: h5py.Dataset, other: h5py.Dataset) -> bool:
    """Whether two datasets hold the same bytes in the same chunks, found many times faster than by unpacking them."""
    if _packing(one) != _packing(other):
        return False
    places = _chunk_places(one)
    return places == _chunk_places(other) and all(
        one.id.read_direct_chunk(place) == other.id.read_direct_chunk(place) for place in places
    )


def _packing(dataset: h5py.Dataset) -> str:
    return f"{dataset.shape} {dataset.dtype} {dataset.chunks} {filters_of(dataset)}"


def stored_digest(dataset: h5py.Dataset) -> str:
    """Hex digest of a dataset's chunks as they lie in the file."""
    digest = hashlib.sha256(_packing(dataset).encode())
    for place in _chunk_places(dataset):
        mask, stored = dataset.id.read_direct_chunk(place)
        digest.update(f"{place} {mask}".encode())
        digest.update(stored)
    return digest.hexdigest()


def _chunk_places(dataset: h5py.Dataset) -> list[tuple[int, ...]]:
    places: list[tuple[int, ...]] = []
    if dataset.id.get_num_chunks():
        dataset.id.chunk_iter(lambda info: places.append(info.chunk_offset))
    return sorted(places)


def attribute_text(item: h5py.HLObject, key: str) -> str:
    """The value of an attribute as text; references count by where they lead."""
    value = item.attrs[key]
    if isinstance(value, h5py.Reference):
        return str(item.file[value].name) if value else ""
    return repr([decode(one) for one in np.atleast_1d(value).tolist()])


def dataset_digest(dataset: h5py.Dataset) -> str:
    """Hex digest of a dataset's shape, type and values; references count by where they lead."""
    digest = hashlib.sha256(f"{dataset.shape} {dataset.dtype}".encode())
    for values in read_pieces(dataset):
        if _holds_references(dataset.dtype):
            digest.update("\n".join(_targets(dataset.file, values)).encode())
        elif dataset.dtype.hasobject:
            for value in values.reshape(-1):
                text = decode(value) if isinstance(value, bytes | str) else repr(np.asarray(value).tolist())
                digest.update(f"{len(text)}:{text}".encode())
        else:
            digest.update(np.ascontiguousarray(values).tobytes())
    return digest.hexdigest()


def read_pieces(dataset: h5py.Dataset) -> Iterator[NDArray[Any]]:
    """All values in successive pieces of bounded size, cut where chunks begin."""
    if dataset.shape is None:
        return
    if dataset.ndim == 0:
        yield np.asarray(dataset[()])
        return
    row_bytes = max(1, dataset.dtype.itemsize * int(np.prod(dataset.shape[1:], dtype=np.int64)))
    chunk_rows = dataset.chunks[0] if dataset.chunks else 1
    rows = max(1, _PIECE_BYTES // (row_bytes * chunk_rows)) * chunk_rows
    for first in range(0, len(dataset), rows):
        yield np.asarray(dataset[first : first + rows])


def _resolved(group: h5py.Group, link: h5py.SoftLink) -> str:
    """Absolute path of the object that a soft link leads to."""
    return str(group[link.path].name)
