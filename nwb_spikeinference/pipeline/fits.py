"""
One training and what it is worth on data it has not seen: the unit of work of a study.

A fit is described by plain data, so that its result can be found again by the hash of the description.
"""

import zlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from nwb_spikeinference.config import Predictor, StudySettings
from nwb_spikeinference.errors import LeakError
from nwb_spikeinference.evaluation.metrics import UnitScores, choose_threshold, roc_auc, score_unit
from nwb_spikeinference.evaluation.splits import TimeSplit, contiguous_folds, contiguous_split
from nwb_spikeinference.evaluation.surrogates import clock_auc, shifted_aucs, swapped_auc
from nwb_spikeinference.evaluation.thinning import thin_counts
from nwb_spikeinference.inputs import HEAD_OF_TYPE, HEADS, BoolArray, LfpInput, TrainingInput, log_odds_of_rate
from nwb_spikeinference.models.protocol import SpikeModel
from nwb_spikeinference.models.registry import make_model
from nwb_spikeinference.pipeline.cohort import Cohort, spike_counts
from nwb_spikeinference.pipeline.store import Arrays, TaskResult
from nwb_spikeinference.recordings import FloatArray, IntArray
from nwb_spikeinference.records import Protocol
from nwb_spikeinference.signal.features import columns_of_band

CALIBRATION_SHARE = 0.3  # of an unseen participant's recording, for the rate intercept; scored on the rest
MIN_SHIFT_S = 5.0
MIN_WITHIN_S = 5.0  # of recording, beside the embargo, without which a session is not split
_MAX_SWAPS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class FitSpec:
    """What is trained and what it is tested on."""

    protocol: Protocol
    model: str
    fold: int
    train: tuple[str, ...]  # participants
    test: tuple[str, ...]
    predictor: Predictor
    dropped_band: str | None = None
    only_band: str | None = None
    train_region: str | None = None  # train on units of this place only
    train_hemisphere: str | None = None
    thinning_draw: int | None = None  # inhibitory spikes thinned to excitatory counts
    full: bool = False  # keep predictions, all metrics and nulls; otherwise ROC-AUC only

    def __post_init__(self) -> None:
        shared = set(self.train) & set(self.test)
        if self.protocol == "unseen-participant" and shared:
            raise LeakError(
                f"participant {min(shared)} would train and test fold {self.fold}; check participants.alias"
            )

    @property
    def label(self) -> str:
        """A few words for people."""
        parts = [self.protocol, self.model, f"fold {self.fold}"]
        parts += [f"without {self.dropped_band}"] if self.dropped_band else []
        parts += [f"only {self.only_band}"] if self.only_band else []
        parts += (
            [f"from {self.train_hemisphere or ''} {self.train_region}".replace("  ", " ")] if self.train_region else []
        )
        parts += [f"thinned {self.thinning_draw}"] if self.thinning_draw is not None else []
        parts += [f"predictor {self.predictor}"] if self.predictor == "own" else []
        return ", ".join(parts)

    def describe(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)


def run_fit(spec: FitSpec, cohort: Cohort, settings: StudySettings) -> TaskResult:
    """
    Train and score.

    Returns
    -------
    TaskResult
        Facts ``units``: one dict per test unit with its ROC-AUC by each head and, for a full fit, all scores. Arrays of
        a full fit: ``log_odds_<k>`` (n_bins, 3) per test input, ``null`` (n_units, n_shifts).
    """
    seed = np.random.SeedSequence([settings.seed, zlib.crc32(repr(sorted(spec.describe().items())).encode())])
    model_seed, thin_seed, null_seed = seed.spawn(3)
    training = [
        TrainingInput(source=source, bins=train_bins(source, spec, settings))
        for source in cohort.inputs(spec.train, spec.predictor)
        if _is_training_place(source, spec) and train_bins(source, spec, settings).any()
    ]
    if spec.thinning_draw is not None:
        training = _thin_inhibitory(training, cohort, np.random.default_rng(thin_seed))
    model = make_model(spec.model, settings)
    if not any(item.source.counts[item.bins].any() for item in training):
        return TaskResult(arrays={}, facts={"units": [], "reason": "nothing to train on"})
    model.fit(training, _columns(spec, cohort.feature_names), model_seed)
    every = cohort.inputs(spec.test, spec.predictor)
    sources = [source for source in every if scored_bins(source, spec, settings).any()]
    tested = list(zip(sources, model.predict(sources), strict=True))
    if spec.full:
        return _score_in_full(spec, settings, model, training, tested, np.random.default_rng(null_seed))
    units = [
        _identity(source, k) | {"heads": _head_aucs(log_odds, source, k, scored_bins(source, spec, settings))}
        for source, log_odds in tested
        for k in range(len(source.unit_ids))
    ]
    return TaskResult(arrays={}, facts={"units": units})


def _is_training_place(source: LfpInput, spec: FitSpec) -> bool:
    right_region = spec.train_region in (None, source.region)
    return right_region and spec.train_hemisphere in (None, source.hemisphere)


def _columns(spec: FitSpec, names: Sequence[str]) -> tuple[int, ...]:
    if spec.only_band:
        return columns_of_band(names, spec.only_band)
    dropped = set(columns_of_band(names, spec.dropped_band)) if spec.dropped_band else set()
    return tuple(column for column in range(len(names)) if column not in dropped)


def _split_valid_bins(source: LfpInput, spec: FitSpec, settings: StudySettings) -> tuple[BoolArray, BoolArray]:
    """
    Valid bins before and after the within-session split, which counts recorded time only: gaps belong to no side.

    A recording too short to be split has none on either side; its units are then listed with the reason.
    """
    within, bin_s = settings.validation.within, settings.target.bin_ms / 1e3
    recorded = np.flatnonzero(source.valid)
    train, test = np.zeros(source.n_bins, dtype=bool), np.zeros(source.n_bins, dtype=bool)
    if len(recorded) * bin_s < MIN_WITHIN_S + 2 * within.embargo_s:
        return train, test
    split: TimeSplit
    if within.folds is None:
        split = contiguous_split(len(recorded), bin_s, within.train_fraction, within.embargo_s)
    else:
        split = contiguous_folds(len(recorded), bin_s, within.folds, within.embargo_s)[spec.fold]
    for stretch in split.train:
        train[recorded[stretch]] = True
    test[recorded[split.test]] = True
    if (train & test).any():
        raise LeakError(f"{source.participant} {source.session}: {(train & test).sum()} bins would train and test")
    return train, test


def train_bins(source: LfpInput, spec: FitSpec, settings: StudySettings) -> BoolArray:
    """Bins that a fit may learn from, if the input belongs to its training side."""
    return _split_valid_bins(source, spec, settings)[0] if spec.protocol == "within-session" else source.valid


def scored_bins(source: LfpInput, spec: FitSpec, settings: StudySettings) -> BoolArray:
    """Bins that a fit is scored on, if the input belongs to its test side."""
    return _split_valid_bins(source, spec, settings)[1] if spec.protocol == "within-session" else source.valid


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


def _identity(source: LfpInput, unit: int) -> dict[str, Any]:
    return {
        "participant": source.participant,
        "session": source.session,
        "unit_id": source.unit_ids[unit],
        "cell_type": source.cell_types[unit],
    }


def _head_aucs(log_odds: FloatArray, source: LfpInput, unit: int, bins: BoolArray) -> dict[str, float | None]:
    return {head: roc_auc(log_odds[bins, k], source.counts[bins, unit]) for k, head in enumerate(HEADS)}


def _score_in_full(
    spec: FitSpec,
    settings: StudySettings,
    model: SpikeModel,
    training: Sequence[TrainingInput],
    tested: Sequence[tuple[LfpInput, FloatArray]],
    rng: np.random.Generator,
) -> TaskResult:
    seen = _predict_one_per_bundle(model, training)
    thresholds = _thresholds(seen)
    units, nulls = [], []
    arrays: Arrays = {}
    for number, (source, log_odds) in enumerate(tested):
        arrays[f"log_odds_{number}"], arrays[f"valid_{number}"] = log_odds, source.valid
        rate_bins, score_bins, all_bins = _bins_of(source, spec, settings)
        intercepts = log_odds_of_rate(source.counts, rate_bins)
        for k, cell_type in enumerate(source.cell_types):
            head = HEAD_OF_TYPE[cell_type]
            scores, counts = log_odds[:, head], source.counts[:, k]
            found = score_unit(
                scores[score_bins] + intercepts[k],
                counts[score_bins],
                train_rate_per_bin=float(1 / (1 + np.exp(-intercepts[k]))),
                threshold=None if thresholds[head] is None else thresholds[head] + intercepts[k],
            )
            null = shifted_aucs(
                scores[all_bins],
                counts[all_bins],
                settings.controls.shifts,
                round(MIN_SHIFT_S / (settings.target.bin_ms / 1e3)),
                rng,
            )
            nulls.append(np.pad(null, (0, settings.controls.shifts - len(null)), constant_values=np.nan))
            facts = _identity(source, k) | {
                "input": number,
                "fold": spec.fold,
                "intercept": float(intercepts[k]),
                "tested": [int(np.flatnonzero(all_bins)[0]), int(np.flatnonzero(all_bins)[-1]) + 1],
                "heads": _head_aucs(log_odds, source, k, all_bins),
                "scores": asdict(_with_auc(found, scores[all_bins], counts[all_bins])),
                "clock": clock_auc(counts[all_bins]),
                "swapped": _swapped(seen, source, head, counts[all_bins])
                if settings.controls.swap_participants
                else None,
            }
            units.append(facts)
    arrays["null"] = np.array(nulls) if nulls else np.empty((0, settings.controls.shifts))
    return TaskResult(
        arrays=arrays, facts={"units": units, "weights_sha256": model.weights_sha256, "train": list(spec.train)}
    )


def _bins_of(source: LfpInput, spec: FitSpec, settings: StudySettings) -> tuple[BoolArray, BoolArray, BoolArray]:
    """Bins for the rate intercept, for scores that need it, and for scores that do not."""
    tested = scored_bins(source, spec, settings)
    if spec.protocol == "within-session":
        return train_bins(source, spec, settings), tested, tested
    calibration = tested & (np.cumsum(tested) <= CALIBRATION_SHARE * tested.sum())
    return calibration, tested & ~calibration, tested


def _with_auc(scores: UnitScores, predicted: FloatArray, counts: np.ndarray) -> UnitScores:
    """The ROC-AUC needs no intercept, so it is taken over every tested bin."""
    return replace(scores, roc_auc=roc_auc(predicted, counts), n_spikes=int(counts.sum()))


def _predict_one_per_bundle(
    model: SpikeModel, training: Sequence[TrainingInput]
) -> list[tuple[TrainingInput, FloatArray]]:
    """Predictions on training data: enough to fix thresholds, and LFP of other participants for the swap control."""
    first: dict[tuple[str, str, str], TrainingInput] = {}
    for item in training:
        first.setdefault((item.source.participant, item.source.session, item.source.bundle), item)
    predicted = model.predict([item.source for item in first.values()])
    return list(zip(first.values(), predicted, strict=True))


def _thresholds(seen: Sequence[tuple[TrainingInput, FloatArray]]) -> list[float | None]:
    """Per head the log-odds above the intercept that separate best on training data; median over units."""
    found: list[list[float]] = [[] for _ in HEADS]
    for item, log_odds in seen:
        for k, cell_type in enumerate(item.source.cell_types):
            head = HEAD_OF_TYPE[cell_type]
            threshold = choose_threshold(log_odds[item.bins, head], item.source.counts[item.bins, k])
            if threshold is not None and np.isfinite(threshold):
                found[head].append(threshold)
    return [float(np.median(values)) if values else None for values in found]


def _swapped(
    seen: Sequence[tuple[TrainingInput, FloatArray]], source: LfpInput, head: int, counts: np.ndarray
) -> float | None:
    """Mean score of predictions from other participants' LFP against this unit's spikes."""
    others = [
        (item.source.valid, log_odds) for item, log_odds in seen if item.source.participant != source.participant
    ][:_MAX_SWAPS]
    aucs = [swapped_auc(log_odds[valid, head], counts) for valid, log_odds in others]
    known = [auc for auc in aucs if auc is not None]
    return float(np.mean(known)) if known else None
