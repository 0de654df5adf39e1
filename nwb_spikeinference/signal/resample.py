"""Resampling by a ratio of whole numbers, without delay, piece by piece."""

from collections.abc import Iterator
from fractions import Fraction
from functools import lru_cache

import numpy as np
from scipy.signal import firwin, resample_poly

from nwb_spikeinference.recordings import FloatArray

SAME_RATE = 1e-3  # rates closer than this are one rate as two clocks measure it
_LARGEST = 1000  # denominator of a ratio
_HALF_WIDTH = 40  # samples at the slower rate on either side of the filter's centre: flat up to 0.47 of that rate
_KAISER_BETA = 5.65  # 60 dB stop band
_PIECE = 1 << 18  # input samples


def find_ratio(rate_hz: float, target_hz: float) -> tuple[int, int]:
    """
    Whole numbers `up` and `down` that bring one rate to another; equal where the rates differ by less than 0.1 %.

    Examples
    --------
    >>> find_ratio(512, 1000)
    (125, 64)
    """
    if abs(target_hz / rate_hz - 1) <= SAME_RATE:
        return 1, 1
    ratio = Fraction(target_hz / rate_hz).limit_denominator(_LARGEST)
    return ratio.numerator, ratio.denominator


def resample_stream(lfp: FloatArray, up: int, down: int, *, piece_samples: int = _PIECE) -> Iterator[FloatArray]:
    """
    Resample a signal, which may lie on disk.

    Parameters
    ----------
    lfp : ndarray of shape (n_samples, n_channels), float32
        At least one sample. Beyond its ends it is taken to stay at its first and last value.
    piece_samples : int
        Samples held at a time; changes nothing but memory and speed.

    Yields
    ------
    ndarray of shape (n, n_channels), float32
        Sample k lies at the time of input sample ``k * down / up``; ``ceil(n_samples * up / down)`` in all.
    """
    taps = _low_pass(up, down)
    # Pieces begin where an output falls on an input: every `down` inputs, which make `up` outputs.
    n_blocks = max(1, piece_samples // down)
    margin = -(-_HALF_WIDTH * max(up, down) // (up * down)) + 1  # blocks that the filter reaches beyond a piece
    n_left = -(-len(lfp) * up // down)
    block = 0
    while n_left > 0:
        samples = np.arange((block - margin) * down, (block + n_blocks + margin) * down)
        held = np.asarray(lfp[np.clip(samples, 0, len(lfp) - 1)], np.float32)
        piece = resample_poly(held, up, down, axis=0, window=taps)  # type: ignore[call-overload]  # the stubs lack arrays
        kept = piece[margin * up : margin * up + min(n_left, n_blocks * up)]
        yield np.asarray(kept, np.float32)
        n_left -= len(kept)
        block += n_blocks


@lru_cache(maxsize=4)
def _low_pass(up: int, down: int) -> FloatArray:
    """Low-pass of unit gain at the rate between: ``up`` times that of the input."""
    slower = max(up, down)
    return firwin(2 * _HALF_WIDTH * slower + 1, 1 / slower, window=("kaiser", _KAISER_BETA))
