"""
Spike times as sorters write them, brought to seconds.
"""

import math
from pathlib import Path

import numpy as np

from nwb_spikeinference.errors import InputError
from nwb_spikeinference.recordings import DEFAULT_SPIKE_RESOLUTION_S, FloatArray, IntArray
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
        If times are sample numbers and nobody says how many make a second, or a file says a number not above 0.
    """
    per_second = ticks_per_second(default_unit, settings, rate_hz, path)
    return np.asarray(times).astype(np.float64).ravel() / per_second + settings.offset_s


def ticks_per_second(default_unit: TimeUnit, settings: UnitsSettings, rate_hz: float | None, path: Path) -> float:
    """How many of a file's steps of time make a second; see `to_seconds`."""
    unit = settings.time_unit or default_unit
    if unit != "sample":
        return _PER_SECOND[unit]
    per_second = choose_rate_hz(path, settings, rate_hz)
    if per_second is None:
        raise InputError(f"{path}: times are sample numbers; add 'rate_hz' to this entry of 'units' in session.yaml")
    return per_second


def resolution_of(rate_hz: float | None) -> float:
    """Seconds from one sample to the next; where the rate is not known, those of most recorders."""
    return DEFAULT_SPIKE_RESOLUTION_S if rate_hz is None else 1 / rate_hz


def choose_rate_hz(path: Path, settings: UnitsSettings, *told: float | None) -> float | None:
    """
    Samples per second: those of session.yaml, or the first that files tell; None where nobody does.

    Raises
    ------
    InputError
        If a file tells a rate that is not above 0.
    """
    rate_hz = next((rate for rate in (settings.rate_hz, *told) if rate is not None), None)
    if rate_hz is not None and not 0 < rate_hz < math.inf:
        raise InputError(
            f"{path}: says that it was sampled at {rate_hz:g} Hz; a rate is above 0 Hz: add the true 'rate_hz' to this "
            f"entry of 'units' in session.yaml"
        )
    return rate_hz
