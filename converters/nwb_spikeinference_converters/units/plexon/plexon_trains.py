"""
Spike trains as Plexon's programs name and number them.

A train is called after its channel and a letter: ``sig001a``, ``SPK01a``, ``CSC12-a``. Units are a, b, c, ...; ``U``
holds what nobody sorted, as does ``i`` on a channel without h, from programs that knew few units a channel. By number,
unit a is 1, 0 is unsorted, and -1 was invalidated.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from nwb_spikeinference.errors import InputError
from nwb_spikeinference.recordings import FloatArray, IntArray

UNSORTED = 0
_NAME = re.compile(r"(?:(?:.*\D)?(?P<channel>\d+)[-_ ]?)?(?P<letter>[a-zU])", re.ASCII)
_OLD_UNSORTED = "i"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlexonTrain:
    """Spikes of one unit, or the unsorted ones, of one channel; `number_trains` tells both from the name."""

    name: str = ""
    channel: int = 0
    unit: int = UNSORTED
    times: FloatArray | IntArray  # (n_spikes,), in the file's steps of time
    waveforms: FloatArray | None = None  # (n_spikes, n_samples), volts
    waveform_rate_hz: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlexonContent:
    """All trains of a file; `ticks_hz` steps of time make a second, None: times are seconds."""

    trains: tuple[PlexonTrain, ...]
    ticks_hz: float | None
    notes: tuple[str, ...] = ()


def layout(fields: list[tuple[str, str, int]], n_bytes: int) -> np.dtype[Any]:
    """Some fields (name, format, first byte) of a header of so many bytes."""
    names, formats, offsets = zip(*fields, strict=True)
    return np.dtype({"names": list(names), "formats": list(formats), "offsets": list(offsets), "itemsize": n_bytes})


def is_train_name(name: str) -> bool:
    """Whether a name ends with a channel number and a unit letter."""
    found = _NAME.fullmatch(name)
    return found is not None and found["channel"] is not None


def number_trains(named: Sequence[PlexonTrain], channel: int | None, source: str) -> tuple[PlexonTrain, ...]:
    """
    Channels and unit numbers from names.

    Parameters
    ----------
    channel : int or None
        What session.yaml says; it wins over the names.

    Raises
    ------
    InputError
        If a name does not tell, or two stand for one unit.
    """
    parsed = [_parse(train.name, channel, source) for train in named]
    letters: dict[int, set[str]] = {}
    for found, letter in parsed:
        letters.setdefault(found, set()).add(letter)
    trains: dict[tuple[int, str], PlexonTrain] = {}
    for train, (found, letter) in zip(named, parsed, strict=True):
        if (found, letter) in trains:
            raise InputError(f"{source}: {train.name!r} is a second unit {letter!r} of channel {found}; rename one")
        trains[found, letter] = replace(train, channel=found, unit=_unit_number(letter, letters[found]))
    return tuple(trains.values())


def _parse(name: str, channel: int | None, source: str) -> tuple[int, str]:
    found = _NAME.fullmatch(name)
    if found is None or (channel is None and found["channel"] is None):
        raise InputError(
            f"{source}: train {name!r} does not end with channel number and unit letter, as in 'sig001a'; rename it"
        )
    return int(found["channel"]) if channel is None else channel, found["letter"]


def _unit_number(letter: str, siblings: set[str]) -> int:
    if letter == "U" or (letter == _OLD_UNSORTED and "h" not in siblings):
        return UNSORTED
    return ord(letter) - ord("a") + 1
