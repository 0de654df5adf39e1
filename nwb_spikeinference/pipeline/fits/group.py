"""
Groups of trainings: one per fold, and what they are for.
"""

from dataclasses import dataclass
from typing import Literal

from nwb_spikeinference.records import Protocol
from nwb_spikeinference.regions import Hemisphere

PlaceKey = tuple[str, Hemisphere | None]
Purpose = Literal[
    "score",  # predictions, all metrics and nulls
    "own-wire",  # the same units predicted from their own wire
    "compare",  # the counterpart of "own-wire", where no such model is scored in full
    "without-band",
    "band-alone",
    "all-bands",  # what fits without a band are compared with, where the features hold more than bands
    "transfer",  # trained at the transfer's place
    "home",  # trained on the units of one place; its fits may be those of the transfer
    "thinned",  # inhibitory spikes thinned to excitatory counts
]


@dataclass(frozen=True, slots=True, kw_only=True)
class FitGroup:
    """Fits that differ in nothing but their fold."""

    purpose: Purpose
    model: str
    protocol: Protocol = "unseen-participant"
    band: str | None = None
    place: PlaceKey | None = None
    draw: int | None = None
