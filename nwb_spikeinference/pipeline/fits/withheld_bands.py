"""
Bands withheld from a model: from the trace before training, or from the input of a trained model.

Models of features are shown fewer columns (`fit_spec.fit_columns`), and the others of a signal in which the band is
stopped; those of the trace itself read a filtered one. What is made for a fit lies on disk, as what is stored does.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from nwb_spikeinference.bands import Band
from nwb_spikeinference.config import StudySettings
from nwb_spikeinference.inputs import LfpInput, TrainingInput
from nwb_spikeinference.models.registry import reads_raw
from nwb_spikeinference.models.spike_model import SpikeModel
from nwb_spikeinference.pipeline.fits.fit_spec import FitSpec, scored_bins
from nwb_spikeinference.pipeline.fits.scoring import head_aucs
from nwb_spikeinference.pipeline.sessions.disk_arrays import keep_on_disk
from nwb_spikeinference.recordings import FloatArray
from nwb_spikeinference.signal.band_leaks import leaking_pairs
from nwb_spikeinference.signal.features import PER_BAND, bands_of, columns_of_band
from nwb_spikeinference.signal.raw_trace import Effect, filter_raw, standardise_raw

_DROPOUT_S = 5.0  # of a trace from which the same bands are dropped in training: several cycles of the slowest
_GROUP_BINS = 100_000  # of inputs held at once: a network predicts fewer hardly faster

Aucs = dict[str, dict[str, float | None]]  # band -> head -> ROC-AUC


def withhold_band(
    sources: Sequence[LfpInput], spec: FitSpec, names: Sequence[str], settings: StudySettings, folder: Path
) -> Sequence[LfpInput]:
    """
    Inputs as a model sees them in a fit without a band, or with one alone; otherwise as they are.

    Without a band the trace keeps its scale, so that it differs from the whole one by the band alone. A band alone is
    standardised again: it would else be as small as its share of the power. Features lose the band's columns, and those
    of bands into which it leaks are taken from the signal without it; a band alone is left to `fit_columns`.

    Parameters
    ----------
    names : sequence of str
        All feature columns.
    """
    name = spec.dropped_band or spec.only_band
    if name is None:
        return sources
    if not reads_raw(spec.model):
        if spec.dropped_band is None:
            return sources
        return _with(sources, "features", lambda source: _features_without(source, names, name, settings), folder)
    band = _band_named(name, settings)
    effect: Effect = "pass" if spec.only_band else "stop"

    def shown(source: LfpInput) -> FloatArray:
        filtered = filter_raw(_raw_of(source), source.segments, _bin_s(settings), band, effect)
        if spec.only_band:
            standardise_raw(filtered, source.valid | source.discharge, _recorded(source))
        return filtered

    return _with(sources, "raw", shown, folder)


def drop_bands_at_random(
    training: Sequence[TrainingInput],
    model: str,
    names: Sequence[str],
    settings: StudySettings,
    rng: np.random.Generator,
    folder: Path,
) -> Sequence[TrainingInput]:
    """
    Training inputs for a model of the trace, with each band left out of some stretches of 5 s (`model.band_dropout`).

    Networks of features do so themselves, chunk by chunk, by setting columns to 0.

    Parameters
    ----------
    names : sequence of str
        All feature columns.
    """
    bin_s, share = _bin_s(settings), settings.model.band_dropout
    if not share or not reads_raw(model):
        return training
    n_bins = round(_DROPOUT_S / bin_s)

    def shown(source: LfpInput) -> FloatArray:
        raw = np.array(_raw_of(source))
        for name in bands_of(names):
            dropped = np.repeat(rng.random(-(-source.n_bins // n_bins)) < share, n_bins)[: source.n_bins]
            alone = filter_raw(_raw_of(source), source.segments, bin_s, _band_named(name, settings), "pass")
            raw[dropped] -= alone[dropped]
        return raw

    sources = _with([item.source for item in training], "raw", shown, folder)
    return [replace(item, source=source) for item, source in zip(training, sources, strict=True)]


def ablates(spec: FitSpec, settings: StudySettings, names: Sequence[str]) -> bool:
    """Whether a fit's units are scored without each band as well; one band alone leaves nothing to score them by."""
    wanted = settings.lobo.mode == "ablate" and spec.model in settings.lobo_models()
    return wanted and spec.full and spec.protocol == "unseen-participant" and len(bands_of(names)) > 1


def ablated_aucs(
    model: SpikeModel, spec: FitSpec, settings: StudySettings, names: Sequence[str], sources: Sequence[LfpInput]
) -> list[Aucs]:
    """
    What a trained model scores where one band after the other is missing from its input.

    Parameters
    ----------
    names : sequence of str
        All feature columns.

    Returns
    -------
    list of dict
        Per unit of each source, in their order: band -> head -> ROC-AUC.
    """
    aucs: list[Aucs] = [{} for source in sources for _ in source.unit_ids]
    for band in bands_of(names):
        units = iter(aucs)
        for group in _groups(sources):
            without = [_ablate(source, spec, settings, names, band) for source in group]
            for source, log_odds in zip(group, model.predict(without), strict=True):
                bins = scored_bins(source, spec, settings)
                for k in range(len(source.unit_ids)):
                    next(units)[band] = head_aucs(log_odds, source, k, bins)
    return aucs


def _ablate(source: LfpInput, spec: FitSpec, settings: StudySettings, names: Sequence[str], band: str) -> LfpInput:
    if reads_raw(spec.model):
        return replace(
            source,
            raw=filter_raw(_raw_of(source), source.segments, _bin_s(settings), _band_named(band, settings), "stop"),
        )
    return replace(source, features=_features_without(source, names, band, settings))


def _features_without(source: LfpInput, names: Sequence[str], name: str, settings: StudySettings) -> FloatArray:
    """Features of a signal in which a band is stopped; its own columns are 0."""
    features = np.array(source.features)
    features[:, list(columns_of_band(names, name))] = 0.0
    held = [band for band in settings.band_list() if band.name in bands_of(names)]
    for number, (kept, other) in enumerate(leaking_pairs(held)):
        if other.name == name:
            assert source.stopped is not None, "stored for every study that leaves bands out of models of features"
            first = number * len(PER_BAND)
            columns = list(columns_of_band(names, kept.name))
            features[:, columns] = source.stopped[:, first : first + len(PER_BAND)]
    return features


def _groups(sources: Sequence[LfpInput]) -> Iterator[list[LfpInput]]:
    """Successive sources, some together as long as they are short."""
    group: list[LfpInput] = []
    for source in sources:
        if group and sum(one.n_bins for one in group) + source.n_bins > _GROUP_BINS:
            yield group
            group = []
        group.append(source)
    if group:
        yield group


def _with(
    sources: Sequence[LfpInput], name: str, make: Callable[[LfpInput], FloatArray], folder: Path
) -> list[LfpInput]:
    """Sources with another signal, made one after the other; all lie in one file, for a process may open few."""
    if not sources:
        return []
    signals = keep_on_disk(folder, (make(source) for source in sources))
    stops = np.cumsum([source.n_bins for source in sources]).tolist()
    return [
        replace(source, **{name: signals[stop - source.n_bins : stop]})  # type: ignore[arg-type]
        for source, stop in zip(sources, stops, strict=True)
    ]


def _raw_of(source: LfpInput) -> FloatArray:
    assert source.raw is not None, "stored for every study with a model that reads it"
    return source.raw


def _recorded(source: LfpInput) -> np.ndarray:
    recorded = np.zeros(source.n_bins, dtype=bool)
    for segment in source.segments:
        recorded[segment] = True
    return recorded


def _band_named(name: str, settings: StudySettings) -> Band:
    return next(band for band in settings.band_list() if band.name == name)


def _bin_s(settings: StudySettings) -> float:
    return settings.target.bin_ms / 1e3
