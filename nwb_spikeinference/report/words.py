"""The report's vocabulary: one word per idea, and what each means."""

from typing import get_args

from nwb_spikeinference.model_kinds import MODEL_KINDS
from nwb_spikeinference.records import CellGroup, Verdict

TYPES: tuple[CellGroup, ...] = ("excitatory", "inhibitory")
CELL_TYPES = {
    "all": "all units",
    "excitatory": "putative excitatory",
    "inhibitory": "putative inhibitory",
    "unclassified": "unclassified",
}
PROTOCOLS = {"unseen-participant": "unseen participant", "within-session": "within session"}
PROTOCOL_MEANINGS = {
    "unseen-participant": "tested on participants whose data the model never saw",
    "within-session": "trained on the first part and tested on the last part of the same recordings",
}
PREDICTORS = {
    "neighbour": "neighbour wires",
    "own-despiked": "own wire, spikes subtracted",
    "own": "own wire",
    "macro": "macro contacts",
}
PREDICTOR_MEANINGS = {
    "neighbour": "the LFP of the other wires of the unit's bundle",
    "own-despiked": "the LFP of the unit's own wire with its spikes subtracted",
    "own": "the LFP of the unit's own wire, which also carries its action potentials",
    "macro": "the LFP of the macro contacts of the same electrode",
}
MODELS = {"main": "main model", **{name: kind.written for name, kind in MODEL_KINDS.items()}}
METRICS = {  # in the order of the tables
    "roc_auc": "ROC-AUC",
    "roc_auc_with_discharges": "ROC-AUC, discharges included",
    "bits_per_spike": "bits per spike",
    "pr_auc": "PR-AUC",
    "balanced_accuracy": "balanced accuracy",
    "sensitivity": "sensitivity",
    "specificity": "specificity",
    "accuracy": "accuracy",
    "calibration_slope": "calibration slope",
    "brier_skill": "Brier skill",
}
# A metric that means nothing alone, and what stands beside it.
YARDSTICKS = {"accuracy": "majority_accuracy", "pr_auc": "base_rate", "roc_auc": "roc_auc_null"}
YARDSTICK_NAMES = {"majority_accuracy": "majority class", "base_rate": "base rate", "roc_auc_null": "null"}
REQUIRED_YARDSTICKS = frozenset({"accuracy"})  # not shown at all without the number beside it
VERDICTS = {verdict: verdict.replace("-", " ") for verdict in get_args(Verdict)}
SEVERITIES = ("serious", "warning", "info")

GLOSSARY = {
    "inference": (
        "The model reads the LFP before and after each moment, so it infers what neurons did. It forecasts nothing."
    ),
    "unseen participant": (
        "Every score of this protocol comes from a model fitted without any data of the participant it is tested on. "
        "“Within session” scores come from other stretches of the same recordings, and are easier to reach."
    ),
    "putative excitatory, putative inhibitory": (
        "A guess from the width of the spike waveform, never from the firing rate. Narrow spikes suggest an inhibitory "
        "interneuron; they do not prove one."
    ),
    "ROC-AUC": (
        "The probability that a randomly drawn bin with a spike received a higher predicted value than a randomly "
        "drawn bin without one. 0.5 is chance, 1 is perfect. It is computed per unit and fold and then averaged. "
        "Values below 0.5 mean a reversed relation and are left as they are."
    ),
    "null": (
        "The same score after the spikes were shifted in time against the LFP, which keeps each unit's rate and rhythm "
        "but breaks the relation. A score means something only as far as it exceeds its null."
    ),
    "bits per spike": (
        "How much better than the unit's mean rate the model explains each spike. 0: no better; negative: worse."
    ),
    "accuracy": (
        "Most bins hold no spike, so a model that always answers “no spike” is right nearly always. Accuracy is "
        "therefore shown only beside the score of that answer (“majority class”)."
    ),
    "interval": (
        "95 % bootstrap interval that draws participants first and then their units, since participants are what was "
        "sampled. Units of one participant are not independent."
    ),
    "drop in AUC": (
        "AUC with all bands minus AUC without the band, by a model trained without it or, if the study says so, by the "
        "same model with the band set to 0; features of the whole spectrum, in which the band would hide, are withheld "
        "from both. A band drives the predictions only if its drop is above zero and exceeds the drop of its neighbour "
        "bands: what one band lost, others may still carry."
    ),
    "transfer": (
        "Trained at one place, tested at another on other participants. It generalises if the score lies within ±0.02 "
        "of the score reached when trained at the tested place. Where that place has few units to train on, it must "
        "also keep up with training on all places."
    ),
    "confounded": (
        "The raw difference is there but vanishes under its control, e.g. when inhibitory spikes are thinned to the "
        "count of the excitatory ones."
    ),
}


def name_of(key: str, names: dict[str, str]) -> str:
    """Return the written form of a key; a key of the user's own, with its underscores opened."""
    return names.get(key, key.replace("_", " "))
