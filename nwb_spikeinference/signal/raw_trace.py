"""The LFP trace itself, some samples per bin: for models that make their own features of it."""

import math
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Literal

import numpy as np

from nwb_spikeinference.bands import Band
from nwb_spikeinference.inputs import BoolArray
from nwb_spikeinference.recordings import FloatArray
from nwb_spikeinference.signal.features import robust_scale
from nwb_spikeinference.signal.filter_bank import FilterBank, Response, bandpass_gain, bandstop_gain

RAW_CLIP = 10.0  # robust standard deviations: wider than for features, whose bands hold no slow drift
Effect = Literal["stop", "pass"]
_GAINS: dict[Effect, Callable[[Band, float], Response]] = {"stop": bandstop_gain, "pass": bandpass_gain}


def samples_per_bin(rate_hz: float, bin_s: float) -> int:
    """Samples of an LFP that a bin holds, at least one; 5 of 5 ms at 1 kHz."""
    return max(1, math.floor(rate_hz * bin_s + 1e-6))


def raw_rate_hz(n_samples: int, bin_s: float) -> float:
    """Rate of a trace with `n_samples` per bin."""
    return round(n_samples / bin_s, 6)  # bins last whole milliseconds, which no float does


def standardise_raw(raw: FloatArray, kept: BoolArray, recorded: BoolArray) -> None:
    """
    Subtract the median, divide by the median absolute deviation, clip at 10; unsupervised, per recording, in place.

    Parameters
    ----------
    raw : ndarray of shape (n_bins, samples_per_bin)
        One scale for all samples: it is one trace.
    kept : ndarray of bool, shape (n_bins,)
        Bins that the statistics are taken from.
    recorded : ndarray of bool, shape (n_bins,)
        Bins outside which the trace becomes 0.
    """
    centre, spread = robust_scale(raw[kept].ravel())
    raw -= centre
    raw /= spread
    np.clip(raw, -RAW_CLIP, RAW_CLIP, out=raw)
    raw[~recorded] = 0.0


def filter_raw(raw: FloatArray, segments: Sequence[slice], bin_s: float, band: Band, effect: Effect) -> FloatArray:
    """
    Stop a band in a raw trace, or let nothing else pass, without phase delay and segment by segment.

    The two add up to the trace: what is left when a band is dropped is all that it does not hold alone.

    Parameters
    ----------
    raw : ndarray of shape (n_bins, samples_per_bin)
    segments : sequence of slice
        Continuous pieces, in bins.

    Returns
    -------
    ndarray of shape (n_bins, samples_per_bin), float32
        In the unit of the trace; 0 outside the segments.

    Raises
    ------
    BandError
        If the band reaches the Nyquist frequency of the trace.
    """
    bank = _band_bank(band, raw_rate_hz(raw.shape[1], bin_s), effect)
    filtered = np.zeros(raw.shape, np.float32)
    for segment in segments:
        trace, output = np.asarray(raw[segment]).ravel(), filtered[segment].reshape(-1)
        for piece in bank.filter(lambda start, stop, trace=trace: trace[start:stop], len(trace)):  # type: ignore[misc]
            output[piece.start : piece.stop] = piece.output(0)
    return filtered


@lru_cache(maxsize=16)  # measuring how long a filter lasts takes longer than filtering a minute of signal
def _band_bank(band: Band, rate_hz: float, effect: Effect) -> FilterBank:
    return FilterBank([_GAINS[effect](band, rate_hz)], rate_hz)
