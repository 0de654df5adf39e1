"""
Ablation: what a trained model scores where a band is missing from its input.
"""

from collections.abc import Collection, Iterator, Sequence

from nwb_spikeinference.bands import Band
from nwb_spikeinference.inputs import LfpInput
from nwb_spikeinference.models.spike_model import SpikeModel
from nwb_spikeinference.pipeline.fits.fit_result import HeadAucs
from nwb_spikeinference.pipeline.fits.fit_spec import FitSpec
from nwb_spikeinference.pipeline.fits.scoring import head_aucs
from nwb_spikeinference.pipeline.fits.withheld_bands import without_band
from nwb_spikeinference.signal.features import bands_of

_GROUP_BINS = 100_000  # of inputs held at once: a network predicts fewer hardly faster


def ablates(spec: FitSpec, models: Collection[str], names: Sequence[str]) -> bool:
    """
    Whether a fit's units are scored without each band as well; one band alone leaves nothing to score them by.

    Parameters
    ----------
    models : collection of str
        Those that bands are ablated in.
    names : sequence of str
        All feature columns.
    """
    whole = spec.full and spec.protocol == "unseen-participant"
    return whole and spec.model in models and len(bands_of(names)) > 1


def ablated_aucs(
    model: SpikeModel, spec: FitSpec, names: Sequence[str], bands: Sequence[Band], inputs: Sequence[LfpInput]
) -> list[dict[str, HeadAucs]]:
    """
    What a trained model scores where one band after the other is missing from its input.

    Parameters
    ----------
    names : sequence of str
        All feature columns.

    Returns
    -------
    list of dict
        Per unit of each input, in their order: band -> head -> ROC-AUC.
    """
    aucs: list[dict[str, HeadAucs]] = [{} for lfp in inputs for _ in lfp.unit_rows]
    for band in bands_of(names):
        units = iter(aucs)
        for group in _groups(inputs):
            without = [without_band(lfp, spec.model, band, names, bands) for lfp in group]
            for lfp, log_odds in zip(group, model.predict(without), strict=True):
                for k in range(len(lfp.unit_rows)):  # of an unseen participant: all valid bins are scored
                    next(units)[band] = head_aucs(log_odds, lfp, k, lfp.valid)
    return aucs


def _groups(inputs: Sequence[LfpInput]) -> Iterator[list[LfpInput]]:
    """Successive inputs, some together as long as they are short."""
    group: list[LfpInput] = []
    for lfp in inputs:
        if group and sum(one.n_bins for one in group) + lfp.n_bins > _GROUP_BINS:
            yield group
            group = []
        group.append(lfp)
    if group:
        yield group
