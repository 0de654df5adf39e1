"""
The final model: trained on every participant, for recordings that hold LFP only.
"""

import hashlib
import logging
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from nwb_spikeinference.config import StudySettings
from nwb_spikeinference.inputs import HEADS, TrainingInput, log_odds_of_rate
from nwb_spikeinference.models.registry import make_model, reads_raw
from nwb_spikeinference.pipeline.fits.cohort import Cohort
from nwb_spikeinference.pipeline.fits.fit_spec import columns_shown
from nwb_spikeinference.pipeline.fits.withheld_bands import drop_bands_at_random
from nwb_spikeinference.pipeline.inference.model_folder import (
    CARD_FILE,
    FORMAT,
    FORMAT_VERSION,
    SETTINGS_FILE,
    WEIGHTS_FILE,
    BandEdges,
    SavedSettings,
    TrainedPlace,
    hash_participant,
    pack_weights,
    write_model_folder,
)
from nwb_spikeinference.pipeline.tasks.executors import FailedTask
from nwb_spikeinference.pipeline.tasks.provenance import program_versions
from nwb_spikeinference.pipeline.tasks.store import TaskResult
from nwb_spikeinference.records import Results
from nwb_spikeinference.signal.features import bands_of
from nwb_spikeinference.signal.raw_trace import raw_rate_hz

_log = logging.getLogger(__name__)


def train_final_model(cohort: Cohort, settings: StudySettings, folder: Path) -> TaskResult:
    """
    Fit the main model to all valid bins of all participants.

    Returns
    -------
    TaskResult
        Arrays ``weight_<k>``, in the model's order; none of a model that cannot be kept as plain arrays. Facts:
        intercepts and n_units, see `SavedSettings`.
    """
    training = [
        TrainingInput(source=source, bins=source.valid)
        for source in cohort.inputs(cohort.participants, settings.signal.predictor)
    ]
    model = make_model(settings.model.name, settings)
    name, names, seed = settings.model.name, cohort.feature_names, np.random.SeedSequence([settings.seed, 1])
    dropout = np.random.default_rng([settings.seed, 2])
    shown = drop_bands_at_random(training, name, names, settings, dropout, folder)
    model.fit(shown, columns_shown(name, names), seed)
    intercepts, n_units = _typical_rates(training)
    return TaskResult(
        arrays={f"weight_{k}": value for k, value in enumerate(model.weights)},
        facts={"intercepts": intercepts, "n_units": n_units},
    )


def _typical_rates(training: Sequence[TrainingInput]) -> tuple[dict[str, float], dict[str, int]]:
    """Mean log-odds of a spike in a bin, and units, by head; a type without units is taken for any."""
    log_odds: dict[str, list[float]] = {head: [] for head in HEADS}
    for item in (one for one in training if one.bins.any()):
        of_units = log_odds_of_rate(item.source.counts, item.bins).tolist()
        for value, cell_type in zip(of_units, item.source.cell_types, strict=True):
            log_odds["any"].append(value)
            if cell_type in log_odds:
                log_odds[cell_type].append(value)
    means = {head: float(np.mean(values or log_odds["any"])) for head, values in log_odds.items()}
    return means, {head: len(values) for head, values in log_odds.items()}


def write_model(
    folder: Path, trained: TaskResult | FailedTask, cohort: Cohort, settings: StudySettings, results: Results
) -> str | None:
    """
    Write weights, settings and a card; weights are plain arrays, nothing pickled.

    Of a training that failed, or a model without such weights, nothing is written, and an earlier model is removed: it
    is not this study's.

    Returns
    -------
    str, optional
        Digest of the weights' file.
    """
    if isinstance(trained, FailedTask) or not trained.arrays:
        for name in (SETTINGS_FILE, WEIGHTS_FILE, CARD_FILE):
            (folder / name).unlink(missing_ok=True)
        if isinstance(trained, TaskResult):
            _log.info(
                "no model folder: a %s model cannot be kept as plain arrays, so 'nsi predict' cannot use it; "
                "choose another model.name for that",
                settings.model.name,
            )
        return None
    packed = pack_weights([trained.arrays[f"weight_{k}"] for k in range(len(trained.arrays))])
    saved = _settings_of(trained, cohort, settings, hashlib.sha256(packed).hexdigest())
    write_model_folder(folder, saved, packed, _card(saved, results))
    return saved.weights_sha256


def _settings_of(trained: TaskResult, cohort: Cohort, settings: StudySettings, digest: str) -> SavedSettings:
    names = cohort.feature_names
    reads_trace = reads_raw(settings.model.name)
    per_bin = int(cohort.sessions[0].facts["samples_per_bin"]) if reads_trace else 0
    places = Counter((unit.region, unit.hemisphere) for unit in cohort.unit_infos())
    return SavedSettings(
        format=FORMAT,
        format_version=FORMAT_VERSION,
        study=settings.name,
        model=settings.model,
        signal=settings.signal,
        target=settings.target,
        lfp_rate_hz=raw_rate_hz(per_bin, settings.target.bin_ms / 1e3) if reads_trace else settings.signal.rate_hz,
        samples_per_bin=per_bin,
        features=() if reads_trace else names,
        bands=tuple(
            BandEdges(name=band.name, low_hz=band.low_hz, high_hz=band.high_hz)
            for band in settings.band_list()
            if band.name in bands_of(names)
        ),
        heads=HEADS,
        intercepts=trained.facts["intercepts"],
        n_units=trained.facts["n_units"],
        trained_at=tuple(
            TrainedPlace(region=region, hemisphere=hemisphere, n_units=number)
            for (region, hemisphere), number in sorted(places.items(), key=str)
        ),
        training_participants=tuple(sorted(hash_participant(settings.name, name) for name in cohort.participants)),
        versions=program_versions(),
        weights_sha256=digest,
    )


def _card(saved: SavedSettings, results: Results) -> str:
    scores = [
        f"- {one.cell_type}: ROC-AUC {one.mean:.3f}"
        + (f" [{one.low:.3f}, {one.high:.3f}]" if one.low is not None and one.high is not None else "")
        + f", {one.n_units} units of {one.n_participants} participants ({one.protocol}, predictor {one.predictor})"
        for one in results.models
        if one.metric == "roc_auc" and one.model == saved.model.name
    ]
    signal, hashed = saved.signal, saved.training_participants
    edges = ", ".join(f"{band.name} {band.low_hz:g}-{band.high_hz:g} Hz" for band in saved.bands)
    return "\n".join(
        [
            f"# Model of the study {saved.study}",
            "",
            f"{saved.model.name}: infers the probability of a spike per {saved.target.bin_ms:g} ms bin, of a typical",
            "putative excitatory, putative inhibitory, and any unit, from LFP. It is inference, not a forecast.",
            "",
            "## Scores of the same settings on held-out data",
            *scores,
            "",
            "## Trained on",
            f"- {len(hashed)} participants (hashed): {', '.join(hashed)}",
            *(f"- {place.text}: {place.n_units} units" for place in saved.trained_at),
            f"- predictor {signal.predictor}, reference {signal.reference}, LFP at {saved.lfp_rate_hz:g} Hz, "
            f"mains {signal.line_hz} Hz",
            f"- bands: {edges}",
            "- log-odds of a spike in a bin of a typical unit (mean over units): "
            + ", ".join(f"{head} {saved.intercepts[head]:.2f} ({saved.n_units[head]} units)" for head in HEADS),
            "",
            "## Limits",
            "Other regions, references, contacts and sampling rates than these are outside what was tested. How often",
            "a neuron fires cannot be told from LFP: the mean rate is that of the training units.",
            "",
            "## Files",
            f"`{WEIGHTS_FILE}` holds plain float32 arrays, `{SETTINGS_FILE}` everything else; neither can hold code.",
            "`nsi predict` and `nwb_spikeinference.InferenceModel.load` read them.",
            "",
        ]
    )
