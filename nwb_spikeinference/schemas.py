"""
Places of the data files of ``schemas/``: inside an installed package, or beside it in a checkout.
"""

from pathlib import Path

from nwb_spikeinference.errors import InputError

_HERE = Path(__file__).parent


def schema_path(name: str) -> Path:
    """
    Path of one schema file, e.g. ``results.schema.json``.

    Raises
    ------
    InputError
        If the installation lacks it.
    """
    for folder in (_HERE / "_schemas", _HERE.parent / "schemas"):
        if (folder / name).exists():
            return folder / name
    raise InputError(f"schema file {name} is missing from this installation; install nwb-spikeinference again")
