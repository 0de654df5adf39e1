"""
Facts about the installation and the machine.
"""

import os
import platform
import shutil
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

_PACKAGES = (
    "nwb-spikeinference",
    "pynwb",
    "hdmf",
    "h5py",
    "numpy",
    "scipy",
    "scikit-learn",
    "keras",
    "tensorflow",
    "neo",
    "dandi",
    "remfile",
)


def describe_machine() -> dict[str, str]:
    """Versions, cores, memory, disk and file locking; nothing that names a person or a path."""
    found = {"python": sys.version.split()[0], "system": f"{platform.system()} {platform.machine()}"}
    found |= {name: _version(name) for name in _PACKAGES}
    found["cores"] = str(os.cpu_count())
    found["memory"] = f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 1e9:.1f} GB"
    found["free disk here"] = f"{shutil.disk_usage(Path.cwd()).free / 1e9:.1f} GB"
    found["HDF5_USE_FILE_LOCKING"] = os.environ.get("HDF5_USE_FILE_LOCKING", "not set")
    return found


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
