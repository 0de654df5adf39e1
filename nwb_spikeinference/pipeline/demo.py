"""
The main job on a simulated study: raw files on disk, converted, studied, reported.
"""

import logging
from pathlib import Path

import yaml

from nwb_spikeinference.errors import ExistsError
from nwb_spikeinference.files import write_text
from nwb_spikeinference.pipeline.conversion import convert_sessions
from nwb_spikeinference.pipeline.study import StudyOutcome, run_study
from nwb_spikeinference.simulate.simulated_study import SimulationSettings, write_blackrock_study

_log = logging.getLogger(__name__)
_MARK = "demo.yaml"

# Six minutes of recording in all: a smaller network, fewer draws, and bands left out of the baseline only.
STUDY = {
    "sessions": ["nwb/**/*.nwb"],
    "model": {
        "units": [32, 16],
        "epochs": 2,
        "chunk_bins": 100,
        "context_bins": 20,
        "batch": 128,
        "learning_rate": 0.005,
    },
    "lobo": {"models": ["logistic"]},
    "controls": {"thin_draws": 5},
}


def run_demo(
    folder: Path, *, world: str = "default", seed: int = 0, participants: int = 6, seconds: float = 60.0
) -> StudyOutcome:
    """
    Simulate, convert and study; a second call in the same folder continues an interrupted one.

    Raises
    ------
    ExistsError
        If the folder holds something that no demo made, or a demo with other settings.
    """
    folder = Path(folder)
    settings = {"world": world, "seed": seed, "participants": participants, "seconds": seconds}
    text = yaml.safe_dump(settings)
    mark = folder / _MARK
    if mark.exists():
        if mark.read_text(encoding="utf-8") != text:
            raise ExistsError(f"{folder}: holds a demo with other settings; choose another folder or remove it")
    elif folder.exists() and any(folder.iterdir()):
        raise ExistsError(f"{folder}: exists and holds no demo; choose another folder")
    write_text(mark, text)
    sessions = sorted(folder.glob("raw/*/session.yaml"))
    if len(sessions) < participants:
        _log.info("simulating %d participants, %g s each, world %s", participants, seconds, world)
        simulation = SimulationSettings(world=world, seed=seed, participants=participants, seconds=seconds)
        sessions = list(write_blackrock_study(folder / "raw", simulation, overwrite=True))
    _log.info("converting %d sessions", len(sessions))
    for done in convert_sessions(sessions, folder / "nwb"):
        if done.error is not None:
            raise done.error
    write_text(folder / "study.yaml", yaml.safe_dump({"name": f"demo-{world}", "seed": seed, **STUDY}, sort_keys=False))
    return run_study(folder / "study.yaml")
