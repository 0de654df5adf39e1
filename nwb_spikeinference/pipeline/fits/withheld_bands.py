"""
Bands withheld from a model: from what it trains on and is tested on, or from the input of a trained one.

Models of features are shown fewer columns (`fit_spec.fit_columns`), and the others of a signal in which the band is
stopped; those of the trace itself read a filtered one. What is made for a fit lies on disk, as what is stored does.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from nwb_spikeinference.bands import Band
from nwb_spikeinference.inputs import LfpInput, TrainingInput
from nwb_spikeinference.model_kinds import MODEL_KINDS
from nwb_spikeinference.pipeline.fits.fit_spec import FitSpec
from nwb_spikeinference.pipeline.sessions.disk_arrays import keep_on_disk
from nwb_spikeinference.recordings import FloatArray
from nwb_spikeinference.signal.band_leaks import leaking_pairs
from nwb_spikeinference.signal.features import PER_BAND, bands_of, columns_of_band
from nwb_spikeinference.signal.raw_trace import Effect, filter_raw, standardise_raw

_DROPOUT_S = 5.0  # of a trace from which the same bands are dropped in training: several cycles of the slowest


def withhold_band(
    inputs: Sequence[LfpInput], spec: FitSpec, names: Sequence[str], bands: Sequence[Band], folder: Path
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
    bands : sequence of Band
        Those of the study.
    """
    name = spec.dropped_band or spec.only_band
    if name is None:
        return inputs
    if not MODEL_KINDS[spec.model].reads_trace:
        if spec.dropped_band is None:
            return inputs
        return _with(inputs, "features", lambda lfp: _features_without(lfp, names, name, bands), folder)
    band = _band_named(name, bands)
    effect: Effect = "pass" if spec.only_band else "stop"

    def shown(lfp: LfpInput) -> FloatArray:
        filtered = filter_raw(_raw_of(lfp), lfp.segments, lfp.bin_s, band, effect)
        if spec.only_band:
            standardise_raw(filtered, lfp.valid | lfp.discharge, _recorded(lfp))
        return filtered

    return _with(inputs, "raw", shown, folder)


def drop_bands_at_random(
    training: Sequence[TrainingInput],
    model: str,
    names: Sequence[str],
    bands: Sequence[Band],
    share: float,
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
    bands : sequence of Band
        Those of the study.
    share : float
        Probability that a band is left out of a stretch.
    """
    if not share or not MODEL_KINDS[model].reads_trace:
        return training

    def shown(lfp: LfpInput) -> FloatArray:
        raw, n_bins = np.array(_raw_of(lfp)), round(_DROPOUT_S / lfp.bin_s)
        for name in bands_of(names):
            dropped = np.repeat(rng.random(-(-lfp.n_bins // n_bins)) < share, n_bins)[: lfp.n_bins]
            alone = filter_raw(_raw_of(lfp), lfp.segments, lfp.bin_s, _band_named(name, bands), "pass")
            raw[dropped] -= alone[dropped]
        return raw

    inputs = _with([item.lfp for item in training], "raw", shown, folder)
    return [replace(item, lfp=lfp) for item, lfp in zip(training, inputs, strict=True)]


def without_band(lfp: LfpInput, model: str, name: str, names: Sequence[str], bands: Sequence[Band]) -> LfpInput:
    """An input in which a band is missing, as a trained model may be shown it; see `withhold_band`."""
    if MODEL_KINDS[model].reads_trace:
        without = filter_raw(_raw_of(lfp), lfp.segments, lfp.bin_s, _band_named(name, bands), "stop")
        return replace(lfp, raw=without)
    return replace(lfp, features=_features_without(lfp, names, name, bands))


def _features_without(lfp: LfpInput, names: Sequence[str], name: str, bands: Sequence[Band]) -> FloatArray:
    """Features of a signal in which a band is stopped; its own columns are 0."""
    features = np.array(lfp.features)
    features[:, list(columns_of_band(names, name))] = 0.0
    held = [band for band in bands if band.name in bands_of(names)]
    for number, (kept, other) in enumerate(leaking_pairs(held)):
        if other.name == name:
            assert lfp.stopped is not None, "stored for every study that leaves bands out of models of features"
            first = number * len(PER_BAND)
            columns = list(columns_of_band(names, kept.name))
            features[:, columns] = lfp.stopped[:, first : first + len(PER_BAND)]
    return features


def _with(
    inputs: Sequence[LfpInput], name: str, make: Callable[[LfpInput], FloatArray], folder: Path
) -> list[LfpInput]:
    """Sources with another signal, made one after the other; all lie in one file, for a process may open few."""
    if not inputs:
        return []
    signals = keep_on_disk(folder, (make(lfp) for lfp in inputs))
    stops = np.cumsum([lfp.n_bins for lfp in inputs]).tolist()
    return [
        replace(lfp, **{name: signals[stop - lfp.n_bins : stop]})  # type: ignore[arg-type]
        for lfp, stop in zip(inputs, stops, strict=True)
    ]


def _raw_of(lfp: LfpInput) -> FloatArray:
    assert lfp.raw is not None, "stored for every study with a model that reads it"
    return lfp.raw


def _recorded(lfp: LfpInput) -> np.ndarray:
    recorded = np.zeros(lfp.n_bins, dtype=bool)
    for segment in lfp.segments:
        recorded[segment] = True
    return recorded


def _band_named(name: str, bands: Sequence[Band]) -> Band:
    return next(band for band in bands if band.name == name)
