"""
One training and what it is worth on data it has not seen: the unit of work of a study.
"""

import zlib
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from nwb_spikeinference.config import StudySettings
from nwb_spikeinference.evaluation.thinning import thin_counts
from nwb_spikeinference.inputs import LfpInput, TrainingInput
from nwb_spikeinference.models.registry import make_model
from nwb_spikeinference.pipeline.cohort import Cohort, spike_counts
from nwb_spikeinference.pipeline.fit_spec import FitSpec, fit_columns, scored_bins, train_bins
from nwb_spikeinference.pipeline.scoring import head_aucs, identity_of, score_in_full
from nwb_spikeinference.pipeline.store import TaskResult
from nwb_spikeinference.recordings import IntArray


def run_fit(spec: FitSpec, cohort: Cohort, settings: StudySettings) -> TaskResult:
    """
    Train and score.

    Returns
    -------
    TaskResult
        Facts ``units``: one dict per test unit with its ROC-AUC by each head and, for a full fit, all scores. Arrays of
        a full fit: ``log_odds_<k>`` (n_bins, 3) per test input, ``null`` (n_units, n_shifts).
    """
    seed = np.random.SeedSequence([settings.seed, zlib.crc32(repr(sorted(spec.describe_draws().items())).encode())])
    model_seed, thin_seed, null_seed = seed.spawn(3)
    training = [
        TrainingInput(source=source, bins=bins)
        for source in cohort.inputs(spec.train, spec.predictor)
        if _is_training_place(source, spec) and (bins := train_bins(source, spec, settings)).any()
    ]
    if spec.thinning_draw is not None:
        training = _thin_inhibitory(training, cohort, np.random.default_rng(thin_seed))
    model = make_model(spec.model, settings)
    if not any(item.source.counts[item.bins].any() for item in training):
        return TaskResult(arrays={}, facts={"units": [], "reason": "nothing to train on"})
    model.fit(training, fit_columns(spec, cohort.feature_names), model_seed)
    every = cohort.inputs(spec.test, spec.predictor)
    sources = [source for source in every if scored_bins(source, spec, settings).any()]
    tested = list(zip(sources, model.predict(sources), strict=True))
    if spec.full:
        return score_in_full(spec, settings, model, training, tested, np.random.default_rng(null_seed))
    units = [
        identity_of(source, k) | {"heads": head_aucs(log_odds, source, k, bins)}
        for source, log_odds in tested
        for bins in [scored_bins(source, spec, settings)]
        for k in range(len(source.unit_ids))
    ]
    return TaskResult(arrays={}, facts={"units": units})


def _is_training_place(source: LfpInput, spec: FitSpec) -> bool:
    right_region = spec.train_region in (None, source.region)
    return right_region and spec.train_hemisphere in (None, source.hemisphere)


def _thin_inhibitory(
    training: Sequence[TrainingInput], cohort: Cohort, rng: np.random.Generator
) -> list[TrainingInput]:
    """Inhibitory units with spikes removed at random to counts drawn from the excitatory units'."""
    counts_of_excitatory = spike_counts(cohort, "excitatory", {item.source.participant for item in training})
    if not len(counts_of_excitatory):
        return list(training)
    thinned = []
    for item in training:
        for k, cell_type in enumerate(item.source.cell_types):
            counts: IntArray = item.source.counts[:, k]
            bins = item.bins
            if cell_type == "inhibitory":
                counts, keep = thin_counts(counts, int(rng.choice(counts_of_excitatory)), rng)
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
