"""
Digests of what a file holds: of the results of a study, and of everything else.

Filters protect numbers and their order, but not texts, attributes and scalars; the digests cover all of them.
"""

import hashlib
from pathlib import Path

import h5py

from nwb_spikeinference.nwb.copies.copy_file import (
    OF_THE_SCHEMA,
    attribute_text,
    dataset_digest,
    holds_plain_chunks,
    stored_digest,
    walk,
)
from nwb_spikeinference.nwb.names import GENERATED_BY, MODULE_PATH
from nwb_spikeinference.nwb.storage.open_file import open_nwb

CONTENT_DIGEST = "content_sha256"
RECORDING_DIGEST = "recording_sha256"
# The same results have the same digest, whichever state of the file they were computed from.
_NOT_CONTENT = {CONTENT_DIGEST, "source_sha256", "object_id", ".specloc"}


def module_digest(module: h5py.Group) -> str:
    """Hex digest of every dataset and attribute below a group."""
    digest = hashlib.sha256()

    def add(name: str, item: h5py.Group | h5py.Dataset) -> None:
        digest.update(f"{name}\n".encode())
        for key in sorted(set(item.attrs) - _NOT_CONTENT):
            digest.update(f"{key}={attribute_text(item, key)}\n".encode())
        if isinstance(item, h5py.Dataset):
            digest.update(dataset_digest(item).encode())

    module.visititems(add)
    return digest.hexdigest()


def recording_digest(path: Path) -> str:
    """
    Hex digest of everything that a file holds but results of a study: the same before and after they are written in.

    Chunks are read as they lie in the file, so the same values packed otherwise have another digest.

    Raises
    ------
    InputError
        If the file cannot be read.
    """
    with open_nwb(path) as file:
        return digest_of_recording(file)


def digest_of_recording(file: h5py.File) -> str:
    """What `recording_digest` gives, of an open file."""
    digest = hashlib.sha256()
    left_out = [MODULE_PATH, GENERATED_BY]
    if ".specloc" in file.attrs:  # the schemas of the library that wrote last
        left_out.append(str(file[file.attrs[".specloc"]].name))
    for name in walk(file, left_out):
        item = file[name]
        for key in sorted(set(item.attrs) - OF_THE_SCHEMA):
            digest.update(f"{name}@{key}={attribute_text(item, key)}\n".encode())
        if isinstance(item, h5py.Dataset):
            content = stored_digest(item) if holds_plain_chunks(item) else dataset_digest(item)
            digest.update(f"{name}={content}\n".encode())
    return digest.hexdigest()
