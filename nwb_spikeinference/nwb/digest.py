"""
A digest of a file's results, which tells whether anybody or anything changed them.

Filters protect numbers and their order, but not texts, attributes and scalars; the digest covers all of them.
"""

import hashlib

import h5py
import numpy as np

from nwb_spikeinference.nwb.copy_file import dataset_digest
from nwb_spikeinference.nwb.open_file import decode

CONTENT_DIGEST = "content_sha256"
_NOT_CONTENT = {CONTENT_DIGEST, "object_id", ".specloc"}  # the same results have the same digest


def module_digest(module: h5py.Group) -> str:
    """Hex digest of every dataset and attribute below a group."""
    digest = hashlib.sha256()

    def add(name: str, item: h5py.Group | h5py.Dataset) -> None:
        digest.update(f"{name}\n".encode())
        for key in sorted(set(item.attrs) - _NOT_CONTENT):
            digest.update(f"{key}={_attribute_text(item, key)}\n".encode())
        if isinstance(item, h5py.Dataset):
            digest.update(dataset_digest(item).encode())

    module.visititems(add)
    return digest.hexdigest()


def _attribute_text(item: h5py.Group | h5py.Dataset, key: str) -> str:
    value = item.attrs[key]
    if isinstance(value, h5py.Reference):
        return str(item.file[value].name)
    return repr([decode(one) for one in np.atleast_1d(value).tolist()])
