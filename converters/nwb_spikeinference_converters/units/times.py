"""
Spike times as sorters write them, brought to seconds.
"""

from pathlib import Path

import numpy as np

from nwb_spikeinference.errors import InputError
from nwb_spikeinference.recordings import FloatArray, IntArray
from nwb_spikeinference.session_config import TimeUnit, UnitsSettings

_PER_SECOND = {"s": 1.0, "ms": 1e3, "us": 1e6}


def to_seconds(
    times: FloatArray | IntArray, default_unit: TimeUnit, settings: UnitsSettings, rate_hz: float | None, path: Path
) -> FloatArray:
    """
    Spike times in seconds, `offset_s` added.

    Parameters
    ----------
    default_unit : str
        What the format says; `settings.time_unit` wins.
    rate_hz : float or None
        Samples per second, if the file says so; `settings.rate_hz` wins.

    Raises
    ------
    InputError
        If times are sample numbers and nobody says how many make a second.
    """
    per_second = ticks_per_second(default_unit, settings, rate_hz, path)
    seconds: FloatArray = np.asarray(times).astype(np.float64).ravel() / per_second + settings.offset_s
    return seconds


def ticks_per_second(default_unit: TimeUnit, settings: UnitsSettings, rate_hz: float | None, path: Path) -> float:
    """How many of a file's steps of time make a second; see `to_seconds`."""
    unit = settings.time_unit or default_unit
    if unit != "sample":
        return _PER_SECOND[unit]
    per_second = settings.rate_hz or rate_hz
    if per_second is None or not per_second > 0:
        raise InputError(f"{path}: times are sample numbers; add 'rate_hz' to this entry of 'units' in session.yaml")
    return float(per_second)
