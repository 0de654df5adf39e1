"""
The protocol of a model of spikes: what every model offers.
"""

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from nwb_spikeinference.inputs import FeatureColumns, LfpInput, TrainingInput
from nwb_spikeinference.recordings import FloatArray


class SpikeModel(Protocol):
    """A model of spiking given LFP features, fitted and scored by the same code as all others."""

    name: str

    @property
    def weights(self) -> list[FloatArray]:
        """What was learned, as plain arrays; none for a model that cannot be kept so."""

    @property
    def weights_sha256(self) -> str:
        """Digest of what was learned; empty for a model without weights."""

    def fit(self, training: Sequence[TrainingInput], columns: FeatureColumns, seed: np.random.SeedSequence) -> None:
        """
        Learn from the allowed bins.

        Parameters
        ----------
        columns : FeatureColumns
            What the model may see; leave-one-band-out withholds some. A model of raw LFP sees all of it.
        """

    def predict(self, inputs: Sequence[LfpInput]) -> list[FloatArray]:
        """
        Log-odds above the unit's own rate intercept.

        Returns
        -------
        list of ndarray of shape (n_bins, 3), float32
            Per input, one column per head: typical excitatory, typical inhibitory, any unit.
        """
