"""
Putative cell types from the width of spike waveforms.

Narrow spikes are putatively inhibitory, wide ones putatively excitatory. The firing rate plays no part.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture

from nwb_spikeinference.cell_types import WIDTH_THRESHOLD_MS, cell_type_from_width
from nwb_spikeinference.recordings import CellType, FloatArray

MIN_UNITS = 20
MIN_SEPARATION = 2.0  # Ashman's D, below which two Gaussians have one peak
_UNCERTAIN = (0.2, 0.8)


@dataclass(frozen=True, slots=True, kw_only=True)
class CellTypes:
    """The units' types, how sure they are, and how they were told apart."""

    types: tuple[CellType, ...]
    inhibitory_probability: tuple[float | None, ...]  # None: the threshold knows none
    method: Literal["mixture", "threshold"]
    reason: str


def classify_widths(widths_ms: Sequence[float | None], seed: int) -> CellTypes:
    """
    Tell narrow from wide spikes over a whole study.

    A mixture of two Gaussians with one common variance on log width (so that the posterior falls with the width), or
    the threshold where there are too few units or no two clear groups. A unit without a width is unclassified.

    Parameters
    ----------
    widths_ms : sequence of float or None, length n_units
        Trough-to-peak times, in milliseconds.
    seed : int
        For the mixture's starting points.

    References
    ----------
    .. [1] Ashman, Bird & Zepf (1994), Astron. J. 108, 2348-2361: the separation D.
    .. [2] Petersen et al. (2021), CellExplorer, Neuron 109, 3594-3608: widths as cell types.
    """
    widths = np.array([np.nan if width is None or width <= 0 else width for width in widths_ms], dtype=float)
    known = np.isfinite(widths)
    probability, reason = _narrow_probability(np.log(widths[known]), seed)
    if probability is None:
        types = tuple(cell_type_from_width(width if np.isfinite(width) else None) for width in widths.tolist())
        unknown = (None,) * widths.size
        return CellTypes(types=types, inhibitory_probability=unknown, method="threshold", reason=reason)
    posterior = np.full(widths.size, np.nan)
    posterior[known] = probability
    return CellTypes(
        types=tuple(_by_probability(value) for value in posterior),
        inhibitory_probability=tuple(float(value) if np.isfinite(value) else None for value in posterior),
        method="mixture",
        reason=reason,
    )


def _narrow_probability(log_widths: FloatArray, seed: int) -> tuple[FloatArray | None, str]:
    """Posterior of the narrow group, or None; and the reason either way."""
    if log_widths.size < MIN_UNITS:
        return None, f"{log_widths.size} units with a width; the mixture needs {MIN_UNITS}"
    column = log_widths.reshape(-1, 1)
    one = GaussianMixture(1).fit(column)
    two = GaussianMixture(2, covariance_type="tied", n_init=5, max_iter=500, random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # answered by converged_ below
        two.fit(column)
    narrow, wide = np.sort(two.means_.ravel())
    separation = float((wide - narrow) / np.sqrt(two.covariances_.item()))
    between = narrow < np.log(WIDTH_THRESHOLD_MS) < wide
    if not two.converged_ or separation < MIN_SEPARATION or two.bic(column) >= one.bic(column) or not between:
        return None, (
            f"widths do not form two groups on either side of {WIDTH_THRESHOLD_MS:g} ms "
            f"(separation {separation:.1f}, {MIN_SEPARATION:g} needed)"
        )
    probability = two.predict_proba(column)[:, int(np.argmin(two.means_.ravel()))]
    return probability, f"two groups at {np.exp(narrow):.2f} and {np.exp(wide):.2f} ms (separation {separation:.1f})"


def _by_probability(narrow: float) -> CellType:
    if not np.isfinite(narrow) or _UNCERTAIN[0] <= narrow <= _UNCERTAIN[1]:
        return "unclassified"
    return "inhibitory" if narrow > _UNCERTAIN[1] else "excitatory"
