"""
The wire that a sorter's file is about, where nothing but its name says so.

A Neuralynx .ncs file of that name, among the session's recordings, tells channel and rate. Else a number in the name
counts, but only alone or behind a word that recorders and sorters put before channel numbers (``NSX_12``, ``ch12``):
in ``LHIP3`` it numbers a wire of a bundle.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from nwb_spikeinference.errors import InputError
from nwb_spikeinference.session_config import UnitsSettings
from nwb_spikeinference_converters.neuralynx.neuralynx_header import number_of, read_header
from nwb_spikeinference_converters.units.shape import ReadContext

_WORDS = "nsx|channel|chan|ch|electrode|elec"
# neither a part of a longer number nor the first of a pair, as in NSX5-6 (two channels subtracted)
_NUMBER = r"[_-]?(\d+)(?!\d|-\d)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wire:
    """Where the units of a file were recorded."""

    channel: int  # the recorder's
    rate_hz: float | None = None  # of the recording, where its file is known
    notes: tuple[str, ...] = ()


def find_wire(path: Path, name: str, settings: UnitsSettings, context: ReadContext, csc: str = "csc") -> Wire:
    """
    The wire of all units of a file.

    Parameters
    ----------
    name : str
        The part of the file's name that names the wire.
    csc : str
        Regular expression of what stands in it for the ``CSC`` of Neuralynx files.

    Raises
    ------
    InputError
        If neither session.yaml nor the name says it, or the name may mean two channels.
    """
    found = re.findall(rf"(?:^|[^a-z])({csc}|{_WORDS}){_NUMBER}", name, re.IGNORECASE)
    if not found and name.isdecimal():
        found = [("", name)]
    is_csc = len(found) == 1 and re.fullmatch(csc, found[0][0], re.IGNORECASE) is not None
    source = _ncs_file(context.clock.files, [name, f"csc{found[0][1]}"] if is_csc else [name])
    if source is not None:
        header = read_header(source, record_bytes=1)
        channel = int(number_of(header, "ADChannel", source)) if settings.channel is None else settings.channel
        return Wire(channel=channel, rate_hz=number_of(header, "SamplingFrequency", source))
    if settings.channel is not None:
        return Wire(channel=settings.channel)
    if len(found) != 1:
        why = "names more than one" if found else "does not say which"
        raise InputError(f"{path}: {name!r} {why} channel; add 'channel' to this entry of 'units' in session.yaml")
    number = int(found[0][1])
    if is_csc and 0 in context.channels:
        # Neuralynx counts files from 1 and channels from 0, unless somebody renamed either
        raise InputError(
            f"{path}: the recorder's channels count from 0, so {name!r} may be channel {number} or {number - 1}; add "
            f"'channel' to this entry of 'units' in session.yaml"
        )
    return Wire(channel=number, notes=(f"channel {number} taken from the name",))


def _ncs_file(files: Sequence[Path], stems: Sequence[str]) -> Path | None:
    wanted = {stem.lower() for stem in stems}
    matching = [file for file in files if file.suffix.lower() == ".ncs" and file.stem.lower() in wanted]
    return matching[0] if len(matching) == 1 else None
