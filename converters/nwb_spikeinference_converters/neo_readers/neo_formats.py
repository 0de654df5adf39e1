"""
Formats that neo reads: the reader, the clock, and which of the streams are electrodes.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from neo import rawio

from nwb_spikeinference.errors import InputError
from nwb_spikeinference_converters.neo_readers.neo_plexon import WholePlexonRawIO, times_of_plexon
from nwb_spikeinference_converters.neo_readers.neo_stretches import (
    FindTimes,
    GappyIntanRawIO,
    times_by_segments,
    times_of_intan,
    times_of_open_ephys,
)
from nwb_spikeinference_converters.protocol import VOLTS, choose


@dataclass(frozen=True, slots=True, kw_only=True)
class NeoFormat:
    """How one format is read; of patterns, the first that fits any stream counts."""

    make: Callable[[Path], Any]  # file or folder -> neo reader, its header not yet read
    find_times: FindTimes = times_by_segments
    electrodes: tuple[str, ...] = (".*",)  # regular expressions of stream names
    analog: tuple[str, ...] = (".*",)
    volts: Mapping[str, float] = field(default_factory=lambda: VOLTS)  # by neo's name of the unit
    numbered_by: str = "id"  # what ends in the number of a channel: its id or its name
    has_siblings: bool = False  # files of the same name and another ending belong to it


INTAN = NeoFormat(
    make=lambda path: GappyIntanRawIO(filename=str(path)),
    find_times=times_of_intan,
    electrodes=(r"RH[DS]2000 amplifier channel",),
    analog=(r"USB board ADC input channel", r".*(input|voltage|DC Amplifier) channel"),
)
OPEN_EPHYS = NeoFormat(
    make=lambda path: rawio.OpenEphysBinaryRawIO(dirname=str(path)),
    find_times=times_of_open_ephys,
    electrodes=(r"(?!.*(_ADC|SYNC)$).*",),
    analog=(r".*_ADC",),
)
PLEXON = NeoFormat(
    make=lambda path: WholePlexonRawIO(filename=str(path), progress_bar=False),
    find_times=times_of_plexon,
    electrodes=(r"WB.*", r"(?!AI).*"),  # the others are filtered copies of the wideband signal
    analog=(r"AI.*",),
    volts=VOLTS | {"": 1e-3},  # neo leaves the unit out; the format's is the millivolt
    numbered_by="name",
)

_OWN_FORMATS = {"IntanRawIO": INTAN, "OpenEphysBinaryRawIO": OPEN_EPHYS, "PlexonRawIO": PLEXON}
_REFUSED = {
    "BlackrockRawIO": "write format: blackrock",
    "NeuralynxRawIO": "write format: neuralynx",
    "OpenEphysRawIO": "neo fills its gaps with zeros; save it in Open Ephys' binary format",
    "RawBinarySignalRawIO": "such files do not say their rate, channels or scale",
    "PhyRawIO": "it holds units, not signals; name it under 'units'",
    "Plexon2RawIO": "neo downloads a program for it; export it as .plx with PlexUtil and write format: plexon",
}


def format_of(path: Path, reader: str | None) -> NeoFormat:
    """
    The format of a file, by the name of neo's reader or, without one, by the file's own name.

    Raises
    ------
    SettingsError
        If neo has no such reader.
    InputError
        If neo cannot tell the reader, or its reading cannot be relied on.
    """
    known = {kind.__name__: kind for kind in rawio.rawiolist}
    name = _guess_reader(path) if reader is None else reader
    kind = choose(name, known, "neo reader")
    if name in _REFUSED:
        raise InputError(f"{path}: cannot be read as {name}: {_REFUSED[name]}")
    if name in _OWN_FORMATS:
        return _OWN_FORMATS[name]
    argument = "dirname" if kind.rawmode == "one-dir" else "filename"
    return NeoFormat(make=lambda path: kind(**{argument: str(path)}), has_siblings=True)


def _guess_reader(path: Path) -> str:
    names: list[str] = [kind.__name__ for kind in rawio.get_rawio(path, exclusive_rawio=False)]
    if len(names) != 1:
        found = f"{len(names)} of neo's readers may fit ({', '.join(names)})" if names else "none of neo's readers fits"
        raise InputError(f"{path}: {found}; name one as 'reader' of this recording, e.g. reader: TdtRawIO")
    return names[0]
