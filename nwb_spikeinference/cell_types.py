"""
The putative type of a unit by the width of its spikes alone.

The firing rate takes no part: it would make "inhibitory units are better predicted" circular.
"""

from nwb_spikeinference.recordings import CellType

WIDTH_THRESHOLD_MS = 0.5  # CellExplorer: 0.425 (Petersen et al. 2021, Neuron 109:3594); human recordings up to 0.65


def cell_type_from_width(width_ms: float | None) -> CellType:
    """Putative type by width alone: narrow is inhibitory. Without a width, unclassified."""
    if width_ms is None:
        return "unclassified"
    return "inhibitory" if width_ms < WIDTH_THRESHOLD_MS else "excitatory"
