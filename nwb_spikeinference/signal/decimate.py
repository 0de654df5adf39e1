"""
Anti-aliased decimation, streamed.

A linear-phase low-pass whose delay is removed, evaluated only at the samples that are kept. Blocks come in and go out,
so that the length of a recording does not matter; where the blocks are cut changes nothing.
"""

from collections.abc import Iterable, Iterator

import numpy as np
from scipy.signal import firwin, upfirdn

from nwb_spikeinference.errors import SettingsError
from nwb_spikeinference.recordings import FloatArray

CUTOFF_SHARE = 0.3  # of the output rate: 300 Hz at 1 kHz, -6 dB; flat below 200 Hz, stopped above 400 Hz
_HALF_WIDTH = 9  # output samples on either side of the filter's centre
_KAISER_BETA = 5.65  # 60 dB stop band


def decimation_factor(rate_hz: float, target_hz: float) -> int:
    """
    How many input samples make one output sample.

    Raises
    ------
    SettingsError
        If the recording is slower than the target.
    """
    if rate_hz < target_hz * (1 - 1e-6):
        raise SettingsError(
            f"signal sampled at {rate_hz:g} Hz cannot be brought to {target_hz:g} Hz; "
            f"set signal.rate_hz to {rate_hz:g} or less"
        )
    return max(1, int(rate_hz * (1 + 1e-6) // target_hz))


def antialias_filter(factor: int) -> FloatArray:
    """Low-pass of unit gain for decimation by `factor`; shape (18 * factor + 1,)."""
    return firwin(2 * _HALF_WIDTH * factor + 1, 2 * CUTOFF_SHARE / factor, window=("kaiser", _KAISER_BETA))


def decimate_stream(blocks: Iterable[FloatArray], rate_hz: float, target_hz: float = 1000.0) -> Iterator[FloatArray]:
    """
    Low-pass and decimate one continuous stretch, block by block.

    Parameters
    ----------
    blocks : iterable of ndarray of shape (n_samples, n_channels)
        Successive pieces of the signal, any length each.
    rate_hz, target_hz : float
        Rates of the input and, at most `rate_hz`, of the output. The output's rate is ``rate_hz / decimation_factor``.

    Yields
    ------
    ndarray of shape (n, n_channels), float32
        Output sample k lies at the time of input sample ``k * factor``; ``ceil(n_samples / factor)`` in all. Beyond its
        ends the signal is taken to stay at its first and last value.
    """
    factor = decimation_factor(rate_hz, target_hz)
    if factor == 1:
        for block in blocks:
            yield np.asarray(block, dtype=np.float32)
        return
    taps = antialias_filter(factor).astype(np.float32)
    half = _HALF_WIDTH * factor
    pending: FloatArray | None = None
    for piece in blocks:
        block = np.asarray(piece, dtype=np.float32)
        if not len(block):
            continue
        if pending is None:
            pending = np.repeat(block[:1], half, axis=0)
        pending = np.concatenate([pending, block])
        n_out = max(0, (len(pending) - len(taps)) // factor + 1)
        if n_out:
            yield _filter_complete(pending, taps, factor, n_out)
            pending = pending[n_out * factor :]
    if pending is None:
        return
    pending = np.concatenate([pending, np.repeat(pending[-1:], half, axis=0)])
    n_out = max(0, (len(pending) - len(taps)) // factor + 1)
    if n_out:
        yield _filter_complete(pending, taps, factor, n_out)


def _filter_complete(signal: FloatArray, taps: FloatArray, factor: int, n_out: int) -> FloatArray:
    """Outputs whose whole filter lies inside the signal."""
    used = signal[: (n_out - 1) * factor + len(taps)]
    first = (len(taps) - 1) // factor  # whole, by the filter's length
    return np.ascontiguousarray(upfirdn(taps, used, down=factor, axis=0)[first : first + n_out])
