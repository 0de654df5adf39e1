"""Infer spiking of single neurons from local field potentials in NWB files."""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

# Loaded on first use: TensorFlow and pynwb take seconds to import.
_EXPORTS = {
    "StudySettings": "nwb_spikeinference.config",
    "SessionSettings": "nwb_spikeinference.session_config",
    "load_settings": "nwb_spikeinference.settings",
    "convert_session": "nwb_spikeinference_converters.sessions.convert_session",
    "simulate_study": "nwb_spikeinference.pipeline.simulation",
    "fetch_dataset": "nwb_spikeinference.archive.fetch",
    "run_study": "nwb_spikeinference.pipeline.study",
    "verify_paths": "nwb_spikeinference.pipeline.verification",
    "predict_file": "nwb_spikeinference.pipeline.predict",
    "InferenceModel": "nwb_spikeinference.pipeline.inference.inference_model",
    "inspect_files": "nwb_spikeinference.pipeline.inspection",
}
__all__ = [  # noqa: PLE0604
    "__version__",
    *_EXPORTS,
]


def __getattr__(name: str) -> Any:
    if name not in _EXPORTS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}; it exports {', '.join(__all__)}")
    return getattr(import_module(_EXPORTS[name]), name)
