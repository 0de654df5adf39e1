"""Planted LFP inputs: the spiking of each unit follows one feature column."""

from collections.abc import Callable

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter1d
from scipy.special import expit

from nwb_spikeinference.inputs import LfpInput
from nwb_spikeinference.recordings import CellType


def _make_input(
    *,
    seed: int = 0,
    n_bins: int = 8000,
    participant: str = "P1",
    cell_types: tuple[CellType, ...] = ("excitatory", "inhibitory"),
    segments: tuple[slice, ...] = (),
    change_first_columns: bool = False,
    poison_from: int | None = None,
) -> LfpInput:
    """Unit 0 follows column 0, unit 1 column 1; column 2 is noise."""
    rng = np.random.default_rng(seed)
    features = gaussian_filter1d(rng.standard_normal((n_bins, 3)), 3, axis=0)
    features = (features / features.std(axis=0)).astype(np.float32)
    probability = expit(-2.5 + 1.2 * features[:, :2])
    counts = (rng.random((n_bins, 2)) < probability).astype(np.uint8)
    if change_first_columns:
        features[:, :2] = 5.0
    if poison_from is not None:
        counts[poison_from:] = 1
    return LfpInput(
        participant=participant,
        session="one",
        bundle="LHIP",
        region="hippocampus",
        hemisphere="left",
        bin_s=0.005,
        features=features,
        valid=np.ones(n_bins, dtype=bool),
        discharge=np.zeros(n_bins, dtype=bool),
        segments=segments or (slice(0, n_bins),),
        counts=counts,
        unit_rows=(1, 2),
        cell_types=cell_types,
    )


@pytest.fixture(scope="session")
def make_input() -> Callable[..., LfpInput]:
    """Makes planted inputs."""
    return _make_input
