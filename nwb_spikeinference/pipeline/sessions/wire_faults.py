"""
Stretches in which a wire of a bundle holds no brain signal.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from nwb_spikeinference.pipeline.sessions.periods import Period, merge_periods
from nwb_spikeinference.recordings import FloatArray, SignalBlock
from nwb_spikeinference.signal.artefacts import FLAT_S, FaultStretch, bridge_faults, find_faults, join_faults

PIECE_S = 10.0  # of raw signal held at once
MAX_FAULTY_SHARE = 0.2  # of the recording; a wire that fails longer is not used at all
FAULT_MARGIN_S = 1.0  # left out on either side of a stretch in which a wire failed
_LISTED = 5  # stretches that are named one by one

Read = Callable[[int, int], FloatArray]


@dataclass(frozen=True, slots=True, kw_only=True)
class WireFault:
    """A stretch of a wire's signal."""

    wire: int  # column
    start_s: float
    stop_s: float
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedFaults:
    """Wires that cannot be used, and when the others failed."""

    unusable: dict[int, str]  # wire column -> why
    bad_s: tuple[Period, ...]  # without margins; those whose margins touch are one

    def notes(self) -> tuple[str, ...]:
        """What to tell of the stretches."""
        if len(self.bad_s) <= _LISTED:
            return tuple(
                f"left out from {start_s:.1f} to {stop_s:.1f} s, where a wire failed" for start_s, stop_s in self.bad_s
            )
        total_s = sum(stop_s - start_s for start_s, stop_s in self.bad_s)
        return (f"{len(self.bad_s)} stretches left out, {total_s:.1f} s in all, where a wire failed",)


class FaultWatch:
    """Hands the pieces of blocks on, with faulty stretches bridged, and remembers these."""

    def __init__(self) -> None:
        self._faults: list[WireFault] = []
        self._recorded_s = 0.0

    def pieces(self, read: Read, block: SignalBlock) -> Iterator[tuple[int, FloatArray]]:
        """First sample and signal (n, n_wires) of successive pieces of a block."""
        overlap = round(FLAT_S * block.rate_hz)
        n_pieces = max(1, round(block.n_samples / (PIECE_S * block.rate_hz)))
        edges = np.linspace(0, block.n_samples, n_pieces + 1).astype(int).tolist()
        found: dict[int, list[FaultStretch]] = {}
        for start, stop in pairwise(edges):
            signal = read(start, min(stop + overlap, block.n_samples))
            for wire, column in enumerate(np.ascontiguousarray(signal.T)):
                stretches = find_faults(column, block.rate_hz, first_sample=start)
                if stretches:
                    found.setdefault(wire, []).extend(stretches)
                    signal[:, wire] = bridge_faults(column, stretches, first_sample=start)
            yield start, signal[: stop - start]
        self._recorded_s += block.n_samples / block.rate_hz
        self._faults += [
            WireFault(
                wire=wire,
                start_s=block.start_s + stretch.start / block.rate_hz,
                stop_s=block.start_s + stretch.stop / block.rate_hz,
                why=stretch.why,
            )
            for wire, stretches in found.items()
            for stretch in join_faults(stretches)
        ]

    def judge(self) -> JudgedFaults:
        """Wires that failed too long to be used, and the stretches in which the others failed."""
        failed_s: dict[int, float] = {}
        for fault in self._faults:
            failed_s[fault.wire] = failed_s.get(fault.wire, 0.0) + fault.stop_s - fault.start_s
        unusable = {
            fault.wire: f"{fault.why} around {fault.start_s:.1f} s, faulty for {failed_s[fault.wire]:.1f} s in all"
            for fault in reversed(self._faults)
            if failed_s[fault.wire] > MAX_FAULTY_SHARE * self._recorded_s
        }
        bad_s = [(fault.start_s, fault.stop_s) for fault in self._faults if fault.wire not in unusable]
        return JudgedFaults(unusable=unusable, bad_s=tuple(merge_periods(bad_s, gap_s=2 * FAULT_MARGIN_S)))
