"""
Anti-aliased decimation, streamed.

A linear-phase low-pass whose delay is removed, evaluated only at the samples that are kept. Blocks come in and go out,
so that the length of a recording does not matter; where the blocks are cut changes nothing.
"""

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.lib.stride_tricks import as_strided
from scipy.signal import firwin

from nwb_spikeinference.errors import SettingsError
from nwb_spikeinference.recordings import FloatArray, IntArray

CUTOFF_SHARE = 0.3  # of the output rate: 300 Hz at 1 kHz, -6 dB; flat below 200 Hz, stopped above 400 Hz
_HALF_WIDTH = 9  # output samples on either side of the filter's centre
_KAISER_BETA = 5.65  # 60 dB stop band
_CLOCK_ERROR = 2e-4  # of a recorder's clock, at most: 29999.4 Hz is a measured 30 kHz
_FRAME = 8  # output samples of one matrix product: larger ones multiply more zeros, smaller ones are called more often


def decimation_factor(rate_hz: float, target_hz: float) -> int:
    """
    How many input samples make one output sample.

    Raises
    ------
    SettingsError
        If the recording is slower than the target.
    """
    if rate_hz < target_hz * (1 - _CLOCK_ERROR):
        raise SettingsError(
            f"signal sampled at {rate_hz:g} Hz cannot be brought to {target_hz:g} Hz; "
            f"set signal.rate_hz to {rate_hz:g} or less"
        )
    return max(1, int(rate_hz * (1 + _CLOCK_ERROR) // target_hz))


def antialias_filter(factor: int) -> FloatArray:
    """Low-pass of unit gain for decimation by `factor`; shape (18 * factor + 1,)."""
    return firwin(2 * _HALF_WIDTH * factor + 1, 2 * CUTOFF_SHARE / factor, window=("kaiser", _KAISER_BETA))


def decimate_stream(
    blocks: Iterable[FloatArray | IntArray], rate_hz: float, target_hz: float = 1000.0
) -> Iterator[FloatArray]:
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
    weights = _frame_weights(factor)
    half = _HALF_WIDTH * factor
    n_samples = n_given = 0
    pending: FloatArray | None = None
    for block in blocks:
        if not len(block):
            continue
        first = np.broadcast_to(block[:1], (half, block.shape[1])).astype(np.float32)
        pending = _join(first if pending is None else pending, block)
        n_samples += len(block)
        frames = _filter_frames(pending, weights, factor)
        if len(frames):
            yield frames
            n_given += len(frames)
            pending = pending[len(frames) * factor :]
    if pending is None:
        return
    n_left = -(-n_samples // factor) - n_given
    if n_left:
        # As far as the last filter reaches the signal stays at its last value; zeros complete the frame, unused.
        held = np.broadcast_to(pending[-1:], (half, pending.shape[1]))
        unused = np.zeros((weights.shape[1] + n_left * factor, pending.shape[1]), np.float32)
        yield _filter_frames(_join(_join(pending, held), unused), weights, factor)[:n_left]


def _join(before: FloatArray | IntArray, after: FloatArray | IntArray) -> FloatArray:
    """One after the other, as float32, each copied once."""
    joined = np.empty((len(before) + len(after), after.shape[1]), np.float32)
    joined[: len(before)] = before
    joined[len(before) :] = after
    return joined


def _frame_weights(factor: int) -> FloatArray:
    """The filter at each output sample of a frame; shape (_FRAME, samples that the frame reaches)."""
    taps = antialias_filter(factor).astype(np.float32)
    weights = np.zeros((_FRAME, (_FRAME - 1) * factor + len(taps)), np.float32)
    for sample in range(_FRAME):
        weights[sample, sample * factor : sample * factor + len(taps)] = taps
    return weights


def _filter_frames(signal: FloatArray, weights: FloatArray, factor: int) -> FloatArray:
    """
    Outputs of whole frames that lie inside the signal.

    Frames are counted from the start of the recording and each is one product of the same shape, so that a sample does
    not depend on where blocks were cut, not even in its last bit.
    """
    n_channels = signal.shape[1]
    n_frames = max(0, (len(signal) - weights.shape[1]) // (_FRAME * factor) + 1)
    row = signal.strides[0]
    windows = as_strided(
        signal, (n_frames, weights.shape[1], n_channels), (_FRAME * factor * row, *signal.strides), writeable=False
    )
    frames: FloatArray = np.matmul(weights, windows)
    return frames.reshape(-1, n_channels)
