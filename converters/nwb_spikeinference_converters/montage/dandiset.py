"""
The file that makes an output folder a draft dandiset.

References
----------
.. [1] DANDI, Validating files: ``dandi validate`` looks for ``dandiset.yaml`` in the folder or above it, and asks for
   identifier, name and description. https://docs.dandiarchive.org/user-guide-sharing/validating-files/
"""

from pathlib import Path

from nwb_spikeinference.files import write_text

_DANDISET_FILE = "dandiset.yaml"
_DRAFT = """\
# Makes this folder a draft dandiset, so that `dandi validate` can check it. Written once and never changed: edit it.
# Before an upload, register a dandiset at https://dandiarchive.org and put its number here.
identifier: DANDI:000000
name: Intracranial recordings of local field potentials and single neurons in patients
description: >-
  Microwire recordings from Behnke-Fried electrodes with sorted units, local field potentials, and the region and
  hemisphere of each electrode.
"""


def ensure_dandiset(folder: Path) -> None:
    """
    Write ``dandiset.yaml`` unless the folder, or one above it, has one; an existing file is left alone.

    Raises
    ------
    ResourceError
        If it cannot be written.
    """
    absolute = folder.resolve()
    if not any((above / _DANDISET_FILE).exists() for above in (absolute, *absolute.parents)):
        write_text(folder / _DANDISET_FILE, _DRAFT)
