"""
Is an NWB file whole? Every chunk is read, digests are compared, and the schema and the inspector are asked.
"""

from pathlib import Path

import h5py

from nwb_spikeinference.errors import InputError
from nwb_spikeinference.nwb.check import inspect_file
from nwb_spikeinference.nwb.copy_file import read_pieces, walk
from nwb_spikeinference.nwb.digest import CONTENT_DIGEST, module_digest
from nwb_spikeinference.nwb.names import INFERENCE_MODULE, MODEL
from nwb_spikeinference.nwb.open_file import H5_ERRORS, open_nwb, require_plausible


def verify_file(path: Path) -> tuple[str, ...]:
    """
    Everything that is wrong with a file; empty if nothing is.

    Suggestions of the inspector are no findings.
    """
    try:
        with open_nwb(path) as file:
            damage = [finding for name in walk(file) for finding in _damage(file[name])]
            if not damage:
                damage = _changed_results(file)
        if damage:
            return tuple(damage)
        return tuple(str(finding) for finding in inspect_file(path) if finding.severity != "suggestion")
    except InputError as error:
        return (str(error),)


def _damage(item: h5py.Group | h5py.Dataset) -> list[str]:
    if not isinstance(item, h5py.Dataset):
        return []
    try:
        require_plausible(item)
        for _ in read_pieces(item):
            pass
    except InputError as error:
        return [str(error)]
    except H5_ERRORS as error:
        return [f"{item.name}: damaged, reading failed ({error})"]
    return []


def _changed_results(file: h5py.File) -> list[str]:
    model = file.get(f"/processing/{INFERENCE_MODULE}/{MODEL}")
    if not isinstance(model, h5py.Group) or CONTENT_DIGEST not in model.attrs:
        return []
    if model.attrs[CONTENT_DIGEST] == module_digest(model.parent):
        return []
    return [f"/processing/{INFERENCE_MODULE}: the results are not those that were written (digest differs)"]
