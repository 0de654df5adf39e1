"""
A digest of a file's results, which tells whether anybody or anything changed them.

Filters protect numbers and their order, but not texts, attributes and scalars; the digest covers all of them.
"""

import hashlib

import h5py

from nwb_spikeinference.nwb.copy_file import attribute_text, dataset_digest

CONTENT_DIGEST = "content_sha256"
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
