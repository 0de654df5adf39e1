"""
NWB files read as a study reads them.
"""

from io import RawIOBase
from pathlib import Path

from nwb_spikeinference.config import StudySettings
from nwb_spikeinference.nwb.reading.read_session import read_session
from nwb_spikeinference.recordings import Session


def read_as_study(path: Path, study: StudySettings | None, stream: RawIOBase | None = None) -> Session:
    """
    Read everything but the signal, by the layout, the spellings of regions and the aliases of a study, if one is given.

    See `read_session` for what is refused and for `stream`.
    """
    if study is None:
        return read_session(path, stream=stream)
    return read_session(
        path, aliases=study.participants.alias, regions=study.regions, layout=study.layout, stream=stream
    )
