"""
One clock for a recorder whose own clock was paused or set back.
"""

from collections.abc import Sequence

import numpy as np

from nwb_spikeinference.errors import InputError
from nwb_spikeinference.recordings import FloatArray, IntArray
from nwb_spikeinference_converters.protocol import RawBlock

_RESET_S = 0.5  # packets of one buffer may be milliseconds out of order; a clock that is set back jumps further
_ROUNDING_SAMPLES = 2


def place_blocks(
    starts_s: Sequence[float], lengths: Sequence[int], rate_hz: float
) -> tuple[tuple[RawBlock, ...], tuple[float, ...]]:
    """
    Put the blocks of a recording in line.

    Where a block starts before the previous one ended, the recorder's clock was set back: from there on, zero of its
    clock is taken to be the end of what was recorded before. The true length of that gap is not known.

    Returns
    -------
    blocks : tuple of RawBlock
        None overlapping another.
    clock_offsets_s : tuple of float
        Seconds to add to the recorder's clock, one per start of the clock.
    """
    blocks: list[RawBlock] = []
    offsets = [0.0]
    end_s = -np.inf
    for raw_start_s, n_samples in zip(starts_s, lengths, strict=True):
        start_s = raw_start_s + offsets[-1]
        if start_s < end_s - _ROUNDING_SAMPLES / rate_hz:
            offsets.append(float(end_s))
            start_s = raw_start_s + offsets[-1]
        start_s = max(start_s, end_s)
        blocks.append(RawBlock(start_s=float(start_s), n_samples=int(n_samples)))
        end_s = start_s + n_samples / rate_hz
    return tuple(blocks), tuple(offsets)


def unroll_ticks(ticks: IntArray, ticks_hz: float, clock_offsets_s: Sequence[float], source: str) -> FloatArray:
    """
    Seconds of packets in the order they were written, over resets of the clock.

    Parameters
    ----------
    ticks : ndarray of shape (n_packets,)
        The recorder's time stamps, in file order.
    clock_offsets_s : sequence of float
        As `place_blocks` gives them for the continuous signal.

    Raises
    ------
    InputError
        If the clock was set back more often here than in the continuous signal.
    """
    signed = ticks.astype(np.int64)
    epoch = np.concatenate([[0], np.cumsum(np.diff(signed) < -_RESET_S * ticks_hz)]) if len(signed) else signed
    n_epochs = int(epoch[-1]) + 1 if len(epoch) else 1
    if n_epochs > len(clock_offsets_s):
        raise InputError(
            f"{source}: its clock was set back {n_epochs - 1} times, that of the continuous recording "
            f"{len(clock_offsets_s) - 1} times; are they of the same session?"
        )
    seconds: FloatArray = signed / ticks_hz + np.asarray(clock_offsets_s)[epoch]
    return seconds
