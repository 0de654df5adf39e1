"""
The final model: trained on every participant, for recordings that hold LFP only.
"""

import hashlib
import logging
from collections import Counter
from pathlib import Path

from nwb_spikeinference.config import StudySettings
from nwb_spikeinference.inputs import HEADS
from nwb_spikeinference.model_kinds import MODEL_KINDS
from nwb_spikeinference.pipeline.fits.cohort import Cohort
from nwb_spikeinference.pipeline.fits.final_fit import FinalFit
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
from nwb_spikeinference.records import Results
from nwb_spikeinference.signal.features import bands_of
from nwb_spikeinference.signal.raw_trace import raw_rate_hz

_log = logging.getLogger(__name__)


def write_model(
    folder: Path, trained: FinalFit | FailedTask, cohort: Cohort, settings: StudySettings, results: Results
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
    if isinstance(trained, FailedTask) or not trained.weights:
        for name in (SETTINGS_FILE, WEIGHTS_FILE, CARD_FILE):
            (folder / name).unlink(missing_ok=True)
        if isinstance(trained, FinalFit):
            _log.info(
                "no model folder: a %s model cannot be kept as plain arrays, so 'nsi predict' cannot use it; "
                "choose another model.name for that",
                settings.model.name,
            )
        return None
    packed = pack_weights(trained.weights)
    saved = _settings_of(trained, cohort, settings, hashlib.sha256(packed).hexdigest())
    write_model_folder(folder, saved, packed, _card(saved, results))
    return saved.weights_sha256


def _settings_of(trained: FinalFit, cohort: Cohort, settings: StudySettings, digest: str) -> SavedSettings:
    names = cohort.feature_names
    reads_trace = MODEL_KINDS[settings.model.name].reads_trace
    per_bin = cohort.sessions[0].samples_per_bin if reads_trace else 0
    places = Counter((unit.region, unit.hemisphere) for unit in cohort.unit_infos())
    return SavedSettings(
        format=FORMAT,
        format_version=FORMAT_VERSION,
        study=settings.name,
        model=settings.model,
        signal=settings.signal,
        target=settings.target,
        lfp_rate_hz=raw_rate_hz(per_bin, settings.target.bin_s) if reads_trace else settings.signal.rate_hz,
        samples_per_bin=per_bin,
        features=() if reads_trace else names,
        bands=tuple(
            BandEdges(name=band.name, low_hz=band.low_hz, high_hz=band.high_hz)
            for band in settings.band_list()
            if band.name in bands_of(names)
        ),
        heads=HEADS,
        intercepts=dict(trained.intercepts),
        n_units=dict(trained.n_units),
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
