"""
Scores of one training's predictions, beside their nulls.
"""

import zlib
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from scipy.special import expit

from nwb_spikeinference.config import ControlSettings, WithinSettings
from nwb_spikeinference.evaluation.metrics import UnitScores, choose_threshold, roc_auc, score_unit
from nwb_spikeinference.evaluation.surrogates import clock_auc, shifted_aucs, swapped_auc
from nwb_spikeinference.inputs import HEAD_OF_TYPE, HEADS, BoolArray, LfpInput, TrainingInput, log_odds_of_rate
from nwb_spikeinference.models.spike_model import SpikeModel
from nwb_spikeinference.pipeline.fits.fit_result import FitResult, FullScore, HeadAucs, Prediction, UnitFit
from nwb_spikeinference.pipeline.fits.fit_spec import FitSpec, scored_bins, scored_with_discharges, train_bins
from nwb_spikeinference.recordings import FloatArray

CALIBRATION_SHARE = 0.3  # of an unseen participant's recording, for the rate intercept; scored on the rest
MIN_SHIFT_S = 5.0
_MAX_SWAPS = 5


def head_aucs(log_odds: FloatArray, lfp: LfpInput, unit: int, bins: BoolArray) -> HeadAucs:
    """ROC-AUC of a unit by each head, whatever its type."""
    return {head: roc_auc(log_odds[bins, k], lfp.counts[bins, unit]) for k, head in enumerate(HEADS)}


def score_heads(
    spec: FitSpec, within: WithinSettings, tested: Sequence[tuple[LfpInput, FloatArray]]
) -> tuple[UnitFit, ...]:
    """ROC-AUC of every test unit by each head, and nothing else."""
    return tuple(
        UnitFit(key=key, cell_type=cell_type, heads=head_aucs(log_odds, lfp, k, bins))
        for lfp, log_odds in tested
        for bins in [scored_bins(lfp, spec, within)]
        for k, (key, cell_type) in enumerate(zip(lfp.keys, lfp.cell_types, strict=True))
    )


def score_in_full(
    spec: FitSpec,
    within: WithinSettings,
    controls: ControlSettings,
    model: SpikeModel,
    training: Sequence[TrainingInput],
    tested: Sequence[tuple[LfpInput, FloatArray]],
    seed: int,
    rng: np.random.Generator,
) -> FitResult:
    """
    All scores and nulls of every test unit, with the predictions.

    Parameters
    ----------
    tested : sequence of (LfpInput, ndarray of shape (n_bins, 3))
        Test inputs with their log-odds.
    seed : int
        The study's: which other participants an input meets does not depend on the model.
    rng : numpy.random.Generator
        Draws the circular shifts.
    """
    seen = _predict_one_per_bundle(model, training)
    thresholds = _thresholds(seen)
    units, nulls = [], []
    for number, (lfp, log_odds) in enumerate(tested):
        rate_bins, score_bins, all_bins = _bins_of(lfp, spec, within)
        intercepts = log_odds_of_rate(lfp.counts, rate_bins)
        tested_bins = np.flatnonzero(all_bins)
        with_discharges = scored_with_discharges(lfp, spec, within)
        others = _draw_others(seen, lfp, seed) if controls.swap_participants else []
        for k, cell_type in enumerate(lfp.cell_types):
            head = HEAD_OF_TYPE[cell_type]
            predicted, counts = log_odds[:, head], lfp.counts[:, k]
            scores = _score(predicted[score_bins], counts[score_bins], float(intercepts[k]), thresholds[head])
            nulls.append(_null(predicted[all_bins], counts[all_bins], controls.shifts, lfp.bin_s, rng))
            full = FullScore(
                prediction=number,
                intercept=float(intercepts[k]),
                tested=(int(tested_bins[0]), int(tested_bins[-1]) + 1),
                scores=_with_auc(scores, predicted[all_bins], counts[all_bins]),
                clock=clock_auc(counts[all_bins]),
                with_discharges=roc_auc(predicted[with_discharges], counts[with_discharges]),
                swapped=_swapped(others, head, counts[all_bins]),
            )
            heads = head_aucs(log_odds, lfp, k, all_bins)
            units.append(UnitFit(key=lfp.keys[k], cell_type=cell_type, heads=heads, full=full))
    return FitResult(
        fold=spec.fold,
        units=tuple(units),
        weights_sha256=model.weights_sha256,
        train=spec.train,
        predictions=tuple(Prediction(log_odds=log_odds, valid=lfp.valid) for lfp, log_odds in tested),
        null=np.array(nulls) if nulls else np.empty((0, controls.shifts)),
    )


def _score(predicted: FloatArray, counts: np.ndarray, intercept: float, threshold: float | None) -> UnitScores:
    """Scores of log-odds above an intercept; the threshold is above it too."""
    return score_unit(
        predicted + intercept,
        counts,
        train_rate_per_bin=float(expit(intercept)),
        threshold=None if threshold is None else threshold + intercept,
    )


def _null(
    predicted: FloatArray, counts: np.ndarray, n_shifts: int, bin_s: float, rng: np.random.Generator
) -> FloatArray:
    """ROC-AUC after circular shifts, padded with NaN where the stretch does not allow as many as asked for."""
    null = shifted_aucs(predicted, counts, n_shifts, round(MIN_SHIFT_S / bin_s), rng)
    return np.pad(null, (0, n_shifts - len(null)), constant_values=np.nan)


def _bins_of(lfp: LfpInput, spec: FitSpec, within: WithinSettings) -> tuple[BoolArray, BoolArray, BoolArray]:
    """Bins for the rate intercept, for scores that need it, and for scores that do not."""
    tested = scored_bins(lfp, spec, within)
    if spec.protocol == "within-session":
        return train_bins(lfp, spec, within), tested, tested
    calibration = tested & (np.cumsum(tested) <= CALIBRATION_SHARE * tested.sum())
    return calibration, tested & ~calibration, tested


def _with_auc(scores: UnitScores, predicted: FloatArray, counts: np.ndarray) -> UnitScores:
    """
    The ROC-AUC needs no intercept, so it is taken over every tested bin, and only without it is a unit not scored.

    A unit whose spikes all lie in the calibration stretch keeps it, and lacks the scores that need spikes after that.
    """
    auc = roc_auc(predicted, counts)
    return replace(scores, roc_auc=auc, n_spikes=int(counts.sum()), reason=scores.reason if auc is None else None)


def _predict_one_per_bundle(
    model: SpikeModel, training: Sequence[TrainingInput]
) -> list[tuple[TrainingInput, FloatArray]]:
    """Predictions on training data: enough to fix thresholds, and LFP of other participants for the swap control."""
    first: dict[tuple[str, str, str], TrainingInput] = {}
    for item in training:
        first.setdefault((item.lfp.participant, item.lfp.session, item.lfp.bundle), item)
    predicted = model.predict([item.lfp for item in first.values()])
    return list(zip(first.values(), predicted, strict=True))


def _thresholds(seen: Sequence[tuple[TrainingInput, FloatArray]]) -> list[float | None]:
    """Per head the log-odds above the intercept that separate best on training data; median over units."""
    found: list[list[float]] = [[] for _ in HEADS]
    for item, log_odds in seen:
        for k, cell_type in enumerate(item.lfp.cell_types):
            head = HEAD_OF_TYPE[cell_type]
            threshold = choose_threshold(log_odds[item.bins, head], item.lfp.counts[item.bins, k])
            if threshold is not None and np.isfinite(threshold):
                found[head].append(threshold)
    return [float(np.median(values)) if values else None for values in found]


def _draw_others(
    seen: Sequence[tuple[TrainingInput, FloatArray]], lfp: LfpInput, seed: int
) -> list[tuple[LfpInput, FloatArray]]:
    """
    One input each of up to five other participants, with its predictions.

    Inputs of one participant are no independent draws, and neither are test inputs that all meet the same five.
    """
    of_participant: dict[str, list[tuple[LfpInput, FloatArray]]] = {}
    for item, log_odds in seen:
        if item.lfp.participant != lfp.participant:
            of_participant.setdefault(item.lfp.participant, []).append((item.lfp, log_odds))
    who = zlib.crc32(repr((lfp.participant, lfp.session, lfp.bundle)).encode())
    rng = np.random.default_rng([seed, who])
    drawn = rng.permutation(sorted(of_participant))[:_MAX_SWAPS]
    return [inputs[rng.integers(len(inputs))] for inputs in (of_participant[name] for name in drawn)]


def _swapped(others: Sequence[tuple[LfpInput, FloatArray]], head: int, counts: np.ndarray) -> float | None:
    """Mean score of predictions from other participants' LFP against this unit's spikes."""
    aucs = [swapped_auc(log_odds[other.valid, head], counts) for other, log_odds in others]
    known = [auc for auc in aucs if auc is not None]
    return float(np.mean(known)) if known else None
