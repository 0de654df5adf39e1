"""
The file that makes an output folder a draft dandiset.

References
----------
.. [1] DANDI, Validating files: ``dandi validate`` looks for ``dandiset.yaml`` in the folder or above it, and asks for
   identifier, name and description. https://docs.dandiarchive.org/user-guide-sharing/validating-files/
"""

from pathlib import Path

from nwb_spikeinference.files import write_text

DANDISET_FILE = "dandiset.yaml"
_DRAFT = """\
# Makes this folder a draft dandiset, so that `dandi validate` can check it. Written once and never changed: edit it.
# Before an upload, register a dandiset at https://dandiarchive.org and put its number here.
identifier: DANDI:000000
name: Intracranial recordings of local field potentials and single neurons in patients
description: >-
  Microwire recordings from Behnke-Fried electrodes with sorted units, local field potentials, and the region and
  hemisphere of each electrode.
"""


def ensure_dandiset(folder: Path) -> Path:
    """
    Write ``dandiset.yaml`` unless the folder, or one above it, has one; an existing file is left alone.

    Returns
    -------
    Path
        The file that ``dandi`` will find.

    Raises
    ------
    ResourceError
        If it cannot be written.
    """
    absolute = folder.resolve()
    for above in (absolute, *absolute.parents):
        if (above / DANDISET_FILE).exists():
            return above / DANDISET_FILE
    write_text(folder / DANDISET_FILE, _DRAFT)
    return folder / DANDISET_FILE
