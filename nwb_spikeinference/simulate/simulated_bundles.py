"""Bundles of a simulated study, and their places in the brain."""

from dataclasses import dataclass

from nwb_spikeinference.regions import Hemisphere

WIRES = 8  # of a bundle

_REGIONS = {"HIP": "hippocampus", "AMY": "amygdala", "OFC": "orbitofrontal", "ACC": "anterior cingulate"}
# Every study that transfers trains on the left hippocampus, so nearly everybody has one; the rest take turns.
_FIRST = ("LHIP",) * 7 + ("LACC",)
_OTHERS = ("RHIP", "LAMY", "ROFC", "LACC", "RHIP", "RAMY", "LOFC", "RACC")


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedBundle:
    """One Behnke-Fried electrode; its reference wire is not recorded."""

    label: str
    region: str
    hemisphere: Hemisphere
    channels: tuple[int, ...]


def place_bundles(index: int, n_bundles: int) -> tuple[SimulatedBundle, ...]:
    """Electrodes of one participant: nearly always the left hippocampus first, then other places in turn."""
    labels = (_FIRST[index % len(_FIRST)], *(_OTHERS[(index + k) % len(_OTHERS)] for k in range(n_bundles - 1)))
    return tuple(
        SimulatedBundle(
            label=label,
            region=_REGIONS[label[1:]],
            hemisphere="left" if label.startswith("L") else "right",
            channels=tuple(range(1 + WIRES * number, 1 + WIRES * (number + 1))),
        )
        for number, label in enumerate(labels)
    )
