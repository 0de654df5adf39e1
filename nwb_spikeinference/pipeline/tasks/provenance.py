"""
Provenance of a result: what it was made with, without what could identify a patient.
"""

import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Any

import nwb_spikeinference
from nwb_spikeinference.config import ModelSettings, StudySettings
from nwb_spikeinference.inputs import HEADS
from nwb_spikeinference.model_kinds import MODEL_KINDS

_ROOT = Path(nwb_spikeinference.__file__).parent
_PROGRAMS = ("nwb-spikeinference", "keras", "tensorflow", "scikit-learn", "scipy", "numpy")


def program_versions() -> dict[str, str]:
    """Versions of this program and of those that decide its numbers."""
    return {name: version(name) for name in _PROGRAMS}


def public_settings(settings: StudySettings) -> dict[str, Any]:
    """The settings without paths and without other ids of participants."""
    return settings.model_dump(mode="json", exclude={"sessions", "participants", "output", "archive"})


def describe_architecture(model: ModelSettings) -> str:
    """A model in a few words, as files carry it."""
    return f"{MODEL_KINDS[model.name].describe(model.units)}, heads {', '.join(HEADS)}"


def without_folders(message: str, path: Path) -> str:
    """A message in which a file is named without its folders, which may be named after a patient."""
    return message.replace(str(path), path.name).replace(str(path.parent), "")


def git_revision() -> str | None:
    """Revision of the checkout that this code lies in, if it does, marked where files were changed since."""
    folder = _ROOT.parent
    if not (folder / ".git").exists():
        return None
    found = subprocess.run(
        ["git", "-C", str(folder), "describe", "--always", "--dirty"], capture_output=True, text=True, check=False
    )
    return found.stdout.strip() or None
