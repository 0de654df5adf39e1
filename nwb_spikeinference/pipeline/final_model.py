"""
The final model: trained on every participant, for recordings that hold LFP only.
"""

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from nwb_spikeinference.config import StudySettings
from nwb_spikeinference.files import replace_atomically, sha256_file, sha256_json, write_json, write_text
from nwb_spikeinference.inputs import HEADS, TrainingInput
from nwb_spikeinference.models.registry import make_model
from nwb_spikeinference.pipeline.band_effects import drop_bands_at_random
from nwb_spikeinference.pipeline.cohort import Cohort
from nwb_spikeinference.pipeline.fit_spec import columns_shown
from nwb_spikeinference.pipeline.store import TaskResult
from nwb_spikeinference.records import Results


def train_final_model(cohort: Cohort, settings: StudySettings, folder: Path) -> TaskResult:
    """
    Fit the main model to all valid bins of all participants.

    Returns
    -------
    TaskResult
        Arrays ``weight_<k>``, in the model's order; none of a model that cannot be kept as plain arrays.
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
    return TaskResult(arrays={f"weight_{k}": value for k, value in enumerate(model.weights)}, facts={})


def write_model(folder: Path, trained: TaskResult, cohort: Cohort, settings: StudySettings, results: Results) -> str:
    """
    Write weights, settings and a card; weights are plain arrays, nothing pickled.

    Returns
    -------
    str
        Digest of the weights' file.
    """
    with replace_atomically(folder / "weights.npz") as temporary:
        buffer = io.BytesIO()
        np.savez(buffer, **trained.arrays)  # type: ignore[arg-type]
        temporary.write_bytes(buffer.getvalue())
    digest = sha256_file(folder / "weights.npz")
    write_json(
        folder / "settings.json",
        {
            "model": settings.model.model_dump(mode="json"),
            "signal": settings.signal.model_dump(mode="json"),
            "target": settings.target.model_dump(mode="json"),
            "features": list(cohort.feature_names),
            "heads": list(HEADS),
            "weights_sha256": digest,
        },
    )
    write_text(folder / "card.md", _card(cohort.participants, settings, results))
    return digest


def _card(participants: Sequence[str], settings: StudySettings, results: Results) -> str:
    hashed = sorted(sha256_json([settings.name, name])[:12] for name in participants)
    scores = [
        f"- {one.cell_type}: ROC-AUC {one.mean:.3f}"
        + (f" [{one.low:.3f}, {one.high:.3f}]" if one.low is not None and one.high is not None else "")
        + f", {one.n_units} units of {one.n_participants} participants ({one.protocol}, predictor {one.predictor})"
        for one in results.models
        if one.metric == "roc_auc" and one.model == settings.model.name
    ]
    regions = sorted({f"{unit.hemisphere or ''} {unit.region or 'unknown'}".strip() for unit in results.units})
    return "\n".join(
        [
            f"# Model of the study {settings.name}",
            "",
            f"Infers the probability of a spike per {settings.target.bin_ms:g} ms bin of a typical putative",
            "excitatory, putative inhibitory, and any unit from the LFP of neighbouring wires. It is inference, not a",
            "forecast: the network looks at both sides of a bin.",
            "",
            "## Scores of the same settings on held-out data",
            *scores,
            "",
            "## Trained on",
            f"- {len(participants)} participants (hashed): {', '.join(hashed)}",
            f"- regions: {', '.join(regions)}",
            f"- predictor {settings.signal.predictor}, LFP at {settings.signal.rate_hz:g} Hz, "
            f"mains {settings.signal.line_hz} Hz",
            "",
            "## Limits",
            "Other regions, references, contacts and sampling rates than these are outside what was tested.",
            "",
        ]
    )
