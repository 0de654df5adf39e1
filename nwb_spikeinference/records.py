"""
The results of a study: what ``results.json`` holds.

One frozen class per kind of fact. The JSON Schema in ``schemas/results.schema.json`` is generated from `Results`.
Scores that could not be computed are None, and a reason stands beside them. Every table says how many units and how
many participants it rests on.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from nwb_spikeinference.recordings import CellType, UnitKey
from nwb_spikeinference.regions import Hemisphere

SCHEMA_VERSION = "1.1"
RESULTS_FILE = "results.json"  # in the output folder
Protocol = Literal["unseen-participant", "within-session"]
CellGroup = Literal["all", "excitatory", "inhibitory"]
Verdict = Literal["supported", "not-supported", "inconclusive", "confounded"]
Count = Annotated[int, Field(ge=0)]


class Record(BaseModel):
    """Base of all records: frozen, no undeclared fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class InputFile(Record):
    """One file that the study read."""

    file: str  # name without folders: paths can identify a patient
    sha256: str


class Provenance(Record):
    """What made these results."""

    version: str
    git: str | None
    settings: dict[str, Any]
    inputs: tuple[InputFile, ...]
    splits_sha256: str | None = None  # of splits.json: who and what trained and tested; None before splits were kept
    seeds: tuple[int, ...]
    started: str
    seconds: float
    devices: tuple[str, ...]


class ParticipantRecord(Record):
    """One participant, whether used or not."""

    participant: str
    sessions: Count
    bundles: Count
    wires: Count
    units: Count  # that passed the quality criteria
    excluded_reason: str | None = None


class FoldRecord(Record):
    """One fold of the unseen-participant protocol."""

    fold: Count
    held_out: tuple[str, ...]
    train_units: Count
    test_units: Count


class UnitRecord(Record):
    """One unit, main model, unseen participant (within-session where there is one participant)."""

    participant: str
    session: str
    unit_id: int  # what the file calls it; may repeat
    unit_row: Count  # in the file's units table
    region: str | None
    hemisphere: Hemisphere | None
    cell_type: CellType
    predictor: str
    n_spikes: Count
    rate_hz: float
    excluded_reason: str | None = None
    roc_auc: float | None = None
    roc_auc_null: float | None = None  # mean over circular shifts
    roc_auc_p: float | None = None
    bits_per_spike: float | None = None
    pr_auc: float | None = None
    base_rate: float | None = None
    sensitivity: float | None = None
    specificity: float | None = None
    balanced_accuracy: float | None = None
    accuracy: float | None = None
    majority_accuracy: float | None = None
    calibration_slope: float | None = None

    @property
    def key(self) -> UnitKey:
        """Which unit this is."""
        return UnitKey(self.participant, self.session, self.unit_row)


class UnitModelScore(Record):
    """One metric of one unit under one model and protocol; None where it could not be computed."""

    participant: str
    session: str
    unit_row: Count
    protocol: Protocol
    model: str
    metric: str
    value: float | None
    predictor: str | None = None  # None: the predictor of the unit's own record


class ModelRecord(Record):
    """One model's mean score with its interval."""

    protocol: Protocol
    model: str
    cell_type: CellGroup
    predictor: str
    metric: str
    mean: float
    low: float | None
    high: float | None
    n_units: Count
    n_participants: Count


class LoboRecord(Record):
    """
    Change of ROC-AUC when a band is left out (drop) or is all there is (only).

    `p` is two-sided, over participants, and corrected (Benjamini-Hochberg) over the bands of a model, mode and cell
    group.
    """

    band: str
    mode: Literal["drop", "only"]
    model: str
    cell_type: CellGroup
    delta_roc_auc: float  # drop: all bands minus without the band; only: band alone minus 0.5
    low: float | None
    high: float | None
    p: float | None
    n_units: Count


class TransferRecord(Record):
    """Score of a model trained at one place and tested at another, on other participants."""

    train_region: str
    train_hemisphere: Hemisphere | None
    test_region: str
    test_hemisphere: Hemisphere | None
    cell_type: CellGroup
    roc_auc: float
    low: float | None
    high: float | None
    within_roc_auc: float | None  # trained at the tested place by the same protocol; None with too few participants
    n_units: Count
    n_participants: Count
    all_places_roc_auc: float | None = None  # trained on all places, same participants held out
    train_units: Count | None = None  # that the transferred model learned from, on average over the tested units
    within_train_units: Count | None = None  # the same of the model of the tested place


class HypothesisRecord(Record):
    """One hypothesis and what the data say of it."""

    id: Literal["H1", "H2", "H3", "H4"]
    statement: str
    verdict: Verdict
    effect: float | None
    low: float | None
    high: float | None
    p_holm: float | None
    reason: str


class FlagRecord(Record):
    """Something that a reader must know before believing a number."""

    id: str
    severity: Literal["info", "warning", "serious"]
    message: str
    where: str


class Results(Record):
    """Everything that a study found."""

    schema_version: str = SCHEMA_VERSION
    name: str
    provenance: Provenance
    participants: tuple[ParticipantRecord, ...]
    folds: tuple[FoldRecord, ...]
    units: tuple[UnitRecord, ...]
    models: tuple[ModelRecord, ...]
    lobo: tuple[LoboRecord, ...]
    transfer: tuple[TransferRecord, ...]
    hypotheses: tuple[HypothesisRecord, ...]
    flags: tuple[FlagRecord, ...]
