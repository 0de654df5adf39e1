"""
One training and what it is worth on data it has not seen: the unit of work of a study.
"""

import tempfile
import zlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from nwb_spikeinference.config import StudySettings
from nwb_spikeinference.evaluation.thinning import thin_counts
from nwb_spikeinference.inputs import TrainingInput
from nwb_spikeinference.models.registry import make_model
from nwb_spikeinference.pipeline.fits.cohort import Cohort, spike_counts
from nwb_spikeinference.pipeline.fits.fit_spec import FitSpec, fit_columns, is_training_place, scored_bins, train_bins
from nwb_spikeinference.pipeline.fits.scoring import head_aucs, identity_of, score_in_full
from nwb_spikeinference.pipeline.fits.withheld_bands import ablated_aucs, ablates, drop_bands_at_random, withhold_band
from nwb_spikeinference.pipeline.tasks.store import TaskResult
from nwb_spikeinference.recordings import IntArray


def run_fit(spec: FitSpec, cohort: Cohort, settings: StudySettings, folder: Path | None = None) -> TaskResult:
    """
    Train and score.

    Parameters
    ----------
    folder : Path, optional
        Where filtered traces lie, in files without a name, while a model of the trace is trained; the system's folder
        for temporary files if it is not given.

    Returns
    -------
    TaskResult
        Facts ``units``: one dict per test unit with its ROC-AUC by each head and, for a full fit, all scores; where
        bands are ablated, ``ablated``: band -> head -> ROC-AUC. Arrays of a full fit: ``log_odds_<k>`` (n_bins, 3) per
        test input, ``null`` (n_units, n_shifts).
    """
    folder = folder or Path(tempfile.gettempdir())
    seed = np.random.SeedSequence([settings.seed, zlib.crc32(repr(sorted(spec.describe_draws().items())).encode())])
    model_seed, thin_seed, null_seed, dropout_seed = seed.spawn(4)
    training = _training_inputs(spec, cohort, settings, folder)
    if spec.thinning_draw is not None:
        training = _thin_inhibitory(training, cohort, np.random.default_rng(thin_seed))
    model = make_model(spec.model, settings)
    if not any(item.source.counts[item.bins].any() for item in training):
        return TaskResult(arrays={}, facts={"units": [], "reason": "nothing to train on"})
    names = cohort.feature_names
    shown = drop_bands_at_random(training, spec.model, names, settings, np.random.default_rng(dropout_seed), folder)
    model.fit(shown, fit_columns(spec, names), model_seed)
    every = cohort.inputs(spec.test, spec.predictor)
    sources = [source for source in every if scored_bins(source, spec, settings).any()]
    tested = list(zip(sources, model.predict(withhold_band(sources, spec, names, settings, folder)), strict=True))
    if spec.full:
        result = score_in_full(spec, settings, model, training, tested, np.random.default_rng(null_seed))
        if ablates(spec, settings, names):
            ablated = ablated_aucs(model, spec, settings, names, sources)
            for unit, aucs in zip(result.facts["units"], ablated, strict=True):
                unit["ablated"] = aucs
        return result
    units = [
        identity_of(source, k) | {"heads": head_aucs(log_odds, source, k, bins)}
        for source, log_odds in tested
        for bins in [scored_bins(source, spec, settings)]
        for k in range(len(source.unit_ids))
    ]
    return TaskResult(arrays={}, facts={"units": units})


def _training_inputs(spec: FitSpec, cohort: Cohort, settings: StudySettings, folder: Path) -> list[TrainingInput]:
    """What a fit learns from, as its model sees it."""
    every = cohort.inputs(spec.train, spec.predictor)
    chosen = [
        (source, bins)
        for source in every
        if is_training_place(source, spec) and (bins := train_bins(source, spec, settings)).any()
    ]
    sources = withhold_band([source for source, _ in chosen], spec, cohort.feature_names, settings, folder)
    return [TrainingInput(source=source, bins=bins) for source, (_, bins) in zip(sources, chosen, strict=True)]


def _thin_inhibitory(
    training: Sequence[TrainingInput], cohort: Cohort, rng: np.random.Generator
) -> list[TrainingInput]:
    """
    Inhibitory units with spikes removed at random, so that their head learns from no more than the excitatory one.

    Each is left a count drawn from the excitatory units'. Where inhibitory units are the more numerous, the count is
    smaller by that ratio: a head learns from all units of its type, and more units train it as more spikes do. (Four
    simulated studies with 2 excitatory and 8 inhibitory units per participant, all coupled alike: inhibitory minus
    excitatory is +0.015 in the mean without the ratio and +0.002 with it.) Where inhibitory units are the fewer, their
    head learns from fewer spikes, which works against H2 and never for it.
    """
    counts_of_excitatory = spike_counts(cohort, "excitatory", {item.source.participant for item in training})
    n_units = Counter(cell_type for item in training for cell_type in item.source.cell_types)
    if not n_units["excitatory"]:
        return list(training)
    share = min(1.0, n_units["excitatory"] / max(1, n_units["inhibitory"]))
    thinned = []
    for item in training:
        for k, cell_type in enumerate(item.source.cell_types):
            counts: IntArray = item.source.counts[:, k]
            bins = item.bins
            if cell_type == "inhibitory":
                counts, keep = thin_counts(counts, round(share * rng.choice(counts_of_excitatory)), rng)
                bins = bins & keep
            # An input of its own: the bins that lost their spikes are neither a spike nor silence for this unit.
            source = replace(
                item.source,
                counts=counts[:, None].astype(np.uint8),
                unit_ids=item.source.unit_ids[k : k + 1],
                cell_types=item.source.cell_types[k : k + 1],
            )
            thinned.append(TrainingInput(source=source, bins=bins))
    return thinned
