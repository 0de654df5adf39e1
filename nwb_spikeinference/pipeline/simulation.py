"""
A simulated study on disk: as vendor files with sorted units, or converted to NWB.
"""

import tempfile
from pathlib import Path

from nwb_spikeinference.errors import SettingsError
from nwb_spikeinference.files import make_folder
from nwb_spikeinference.simulate.simulated_study import SimulationSettings, write_blackrock_study
from nwb_spikeinference_converters.sessions.convert_session import convert_session

FORMATS = ("blackrock", "nwb")


def simulate_study(
    folder: Path, settings: SimulationSettings, *, file_format: str = "blackrock", overwrite: bool = False
) -> tuple[Path, ...]:
    """
    Write a simulated study.

    Returns
    -------
    tuple of Path
        The session.yaml files (``blackrock``) or the NWB files (``nwb``), one per participant.

    Raises
    ------
    SettingsError
        If the world or the format is unknown.
    """
    if file_format not in FORMATS:
        raise SettingsError(f"format {file_format!r} is unknown; known: {', '.join(FORMATS)}")
    folder = Path(folder)
    if file_format == "blackrock":
        return write_blackrock_study(folder, settings, overwrite=overwrite)
    make_folder(folder)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".raw-") as raw:
        sessions = write_blackrock_study(Path(raw), settings, overwrite=overwrite, truth_beside=folder)
        return tuple(convert_session(session, folder, overwrite=overwrite).path for session in sessions)
