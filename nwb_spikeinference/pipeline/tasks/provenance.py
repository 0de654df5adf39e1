"""
What a result was made with, without what could identify a patient.
"""

import hashlib
import subprocess
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import nwb_spikeinference
from nwb_spikeinference.config import ModelName, ModelSettings, StudySettings
from nwb_spikeinference.inputs import HEADS

_ROOT = Path(nwb_spikeinference.__file__).parent
# What the result of a task depends on; the report, for instance, may change without a training being repeated.
_SOURCES = ("signal", "models", "evaluation", "nwb", "pipeline")
_FILES = ("bands.py", "cell_types.py", "inputs.py", "recordings.py", "regions.py")
_PROGRAMS = ("nwb-spikeinference", "keras", "tensorflow", "scikit-learn", "scipy", "numpy")


@cache
def code_version() -> str:
    """The version and a digest of the sources that tasks run: results of other code are never mixed in."""
    digest = hashlib.sha256()
    paths = [_ROOT / name for name in _FILES]
    for folder in _SOURCES:
        paths += sorted((_ROOT / folder).glob("*.py"))
    for path in paths:
        digest.update(path.name.encode() + path.read_bytes())
    return f"{nwb_spikeinference.__version__}+{digest.hexdigest()[:12]}"


def program_versions() -> dict[str, str]:
    """Versions of this program and of those that decide its numbers."""
    return {name: version(name) for name in _PROGRAMS}


def public_settings(settings: StudySettings) -> dict[str, Any]:
    """The settings without paths and without other ids of participants."""
    return settings.model_dump(mode="json", exclude={"sessions", "participants", "output", "archive"})


def describe_architecture(model: ModelSettings) -> str:
    """A model in a few words, as files carry it."""
    layers = list(model.units)
    kinds: dict[ModelName, str] = {
        "bilstm": f"stacked bidirectional LSTM {layers}",
        "conv-bilstm": f"convolutions over the LFP, then stacked bidirectional LSTM {layers}",
        "causal-lstm": f"stacked LSTM {layers} that reads forward only",
        "logistic": "lagged logistic regression",
        "gradient-boosting": "gradient boosting over lagged features",
    }
    return f"{kinds[model.name]}, heads {', '.join(HEADS)}"


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
