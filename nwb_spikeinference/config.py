"""
The settings of ``study.yaml``: what a study computes.

Every default is the value recommended for the reference study (30 participants, 60 s each).
"""

import math
from typing import Annotated, Any, Literal, Self

from pydantic import ByteSize, Field, field_validator, model_validator

from nwb_spikeinference.bands import Band, default_bands
from nwb_spikeinference.errors import BandError
from nwb_spikeinference.regions import Hemisphere
from nwb_spikeinference.settings import Settings

Predictor = Literal["neighbour", "own-despiked", "own", "macro"]
Reference = Literal["none", "bundle-median", "bipolar"]  # none: as recorded, against the bundle's ninth wire
Despike = Literal["mean-waveform", "gls", "none"]
ModelName = Literal["bilstm", "conv-bilstm", "causal-lstm", "logistic", "gradient-boosting"]
BaselineName = Literal["rate", "logistic", "gradient-boosting", "bilstm", "conv-bilstm", "causal-lstm"]
DANDI_API = "https://api.dandiarchive.org/api"
Positive = Annotated[float, Field(gt=0)]


class ParticipantSettings(Settings):
    """Who takes part, and which ids name the same person."""

    include: tuple[str, ...] = ()  # empty: everybody
    exclude: tuple[str, ...] = ()
    alias: dict[str, str] = {}  # id in a file -> participant


class SignalSettings(Settings):
    """From raw voltage to the LFP that predicts."""

    rate_hz: float = Field(1000, ge=250, le=2000)
    line_hz: Literal[50, 60] = 60
    reference: Reference = "none"
    predictor: Predictor = "neighbour"
    despike: Despike = "mean-waveform"
    wide_band: bool = False  # features of the whole spectrum beside those of the bands
    exclude_discharges: bool = True  # a second on either side of interictal discharges, in training and scores

    @model_validator(mode="after")
    def _check_reference(self) -> Self:
        if self.reference == "bundle-median" and self.predictor in ("neighbour", "macro"):
            raise ValueError(
                f"predictor {self.predictor} is a median over wires, of which reference bundle-median leaves nothing; "
                f"use reference none or bipolar, or predictor own-despiked"
            )
        return self


class TargetSettings(Settings):
    """What is predicted: spikes per bin."""

    bin_ms: float = Field(5, ge=1, le=100)

    @property
    def bin_s(self) -> float:
        """Width of a bin in seconds."""
        return self.bin_ms / 1e3


class UnitSettings(Settings):
    """Which units are good enough to be scored; the others are listed with the reason."""

    min_spikes: int = Field(15, ge=1)  # in the stretch that tests it
    max_isi_violations: float = Field(0.01, ge=0, le=1)  # share of intervals below 2 ms; 1 admits multi-units
    min_snr: float = Field(3.0, ge=0)
    drop_duplicates: bool = True  # of a neuron seen on two wires, keep the better isolated unit


class ModelSettings(Settings):
    """
    The main model, and how networks are trained, be they the main model or a baseline.

    With `skip` a network of features starts from a lagged logistic regression, fitted to the same training data and
    then kept fixed, and learns what that misses; without, it learns everything itself and needs more data and epochs.
    """

    name: ModelName = "bilstm"
    units: tuple[int, ...] = Field((32, 16), min_length=1)
    dropout: float = Field(0.2, ge=0, lt=1)
    band_dropout: float = Field(0, ge=0, lt=1)  # probability that a band is withheld from a piece of training data
    epochs: int = Field(8, ge=1)  # at most
    patience: int = Field(2, ge=1)  # epochs without a gain on inner participants, after which training ends
    chunk_bins: int = Field(100, ge=10)
    context_bins: int = Field(25, ge=0)
    batch: int = Field(64, ge=1)
    learning_rate: Positive = 0.004
    skip: Literal["logistic", "none"] = "logistic"


class WithinSettings(Settings):
    """The within-session protocol: contiguous training and test stretches."""

    train_fraction: float = Field(0.7, gt=0.1, lt=0.95)
    folds: int | None = Field(None, ge=2, le=20)  # contiguous folds instead of one split
    embargo_s: float = Field(1.0, ge=0)


class ValidationSettings(Settings):
    """How many folds of participants, and the within-session protocol."""

    folds: int = Field(5, ge=2)
    within: WithinSettings = WithinSettings()


class LoboSettings(Settings):
    """
    Leave-one-band-out.

    ``retrain`` trains without the band; ``ablate`` sets it to 0 in one model, trained with `model.band_dropout`.
    """

    mode: Literal["retrain", "ablate", "off"] = "retrain"
    only: bool = False  # each band alone as well
    models: tuple[Literal["main", "logistic"], ...] = ("main", "logistic")

    @field_validator("mode", mode="before")
    @classmethod
    def _yaml_false_is_off(cls, value: Any) -> Any:
        return "off" if value is False else value


class Place(Settings):
    """A region and, optionally, a side."""

    region: str
    hemisphere: Hemisphere | None = None


class TransferSettings(Settings):
    """Where the transferred model is trained."""

    train: Place = Place(region="hippocampus", hemisphere="left")


class ControlSettings(Settings):
    """The controls that stand between a number and a claim."""

    shifts: int = Field(200, ge=20)  # circular shifts of at least 5 s
    swap_participants: bool = True
    own_wire: bool = True  # own-wire AUC beside the neighbours', for the bleed-through flag
    thin_to_matched: bool = True  # inhibitory spikes thinned to excitatory counts, by the logistic baseline
    thin_draws: int = Field(20, ge=1)


class WriteBackSettings(Settings):
    """
    Whether predictions and tables go back into NWB files.

    ``copy`` writes to the output folder, ``in-place`` replaces the files that were read.
    """

    mode: Literal["copy", "in-place", "off"] = "copy"
    raw: bool = False  # copy the raw voltages too

    @field_validator("mode", mode="before")
    @classmethod
    def _yaml_false_is_off(cls, value: Any) -> Any:
        return "off" if value is False else value


ContactNames = Literal["row", "id", "channel", "label", "group"]


class UnitElectrodeSettings(Settings):
    """Column of the units table that names the electrode, and by what; by what fits if that is not given."""

    column: str = Field(min_length=1)
    names: ContactNames | None = None


class LayoutSettings(Settings):
    """Where files of an unusual layout keep what is needed; what is not named is found by the usual rules."""

    lfp: str | None = Field(None, min_length=1)  # path or glob, inside the files, of the series that are read
    lfp_shift_s: float | None = Field(None, allow_inf_nan=False)  # added to the series' clock to get that of the spikes
    region_column: str | None = Field(None, min_length=1)  # of the electrodes table
    hemisphere_column: str | None = Field(None, min_length=1)
    contacts: Literal["micro", "macro"] | None = None  # size of those for which no text of the files names one
    unit_electrode: UnitElectrodeSettings | None = None  # or the name of the column alone

    @field_validator("unit_electrode", mode="before", json_schema_input_type=str | UnitElectrodeSettings | None)
    @classmethod
    def _read_column(cls, value: Any) -> Any:
        return {"column": value} if isinstance(value, str) else value


class ArchiveSettings(Settings):
    """Datasets that `sessions` names by ``DANDI:``: where they are kept, and how much of them."""

    folder: str = "dandi"  # relative to study.yaml; each dataset goes into a folder of its own in it
    glob: str = "*"  # of paths inside a dataset; * matches slashes too
    max_size: ByteSize = ByteSize(50_000_000_000)  # of one dataset, e.g. 50 GB
    server: str = DANDI_API


class StudySettings(Settings):
    """All of ``study.yaml``; only `sessions` must be given."""

    name: str = Field("study", min_length=1, max_length=200)
    sessions: tuple[str, ...] = Field(min_length=1)
    output: str = "results"
    seed: int = Field(0, ge=0, lt=2**32)
    archive: ArchiveSettings = ArchiveSettings()
    participants: ParticipantSettings = ParticipantSettings()
    signal: SignalSettings = SignalSettings()
    units: UnitSettings = UnitSettings()
    target: TargetSettings = TargetSettings()
    bands: Literal["default"] | dict[str, tuple[Positive, Positive]] = "default"
    regions: dict[str, str] = {}  # the user's spellings: written form -> region
    layout: LayoutSettings = LayoutSettings()
    model: ModelSettings = ModelSettings()
    baselines: tuple[BaselineName, ...] = ("rate", "logistic")
    validation: ValidationSettings = ValidationSettings()
    lobo: LoboSettings = LoboSettings()
    transfer: TransferSettings = TransferSettings()
    controls: ControlSettings = ControlSettings()
    write_back: WriteBackSettings = WriteBackSettings()

    @field_validator("bands")
    @classmethod
    def _check_bands(cls, value: Any) -> Any:
        if value == "default":
            return value
        if not value:
            raise ValueError("name at least one band, or write 'default'")
        try:
            for name, (low, high) in value.items():
                Band(name=name, low_hz=low, high_hz=high)
        except BandError as error:
            raise ValueError(str(error)) from None
        return value

    @field_validator("target")
    @classmethod
    def _check_bin(cls, value: TargetSettings) -> TargetSettings:
        samples = value.bin_ms  # features are computed at 1 kHz at most, and binned by whole samples
        if not math.isclose(samples, round(samples)):
            raise ValueError(f"bin_ms must be a whole number of milliseconds, got {value.bin_ms:g}")
        return value

    @model_validator(mode="after")
    def _check_ablation(self) -> Self:
        if self.lobo.mode != "ablate":
            return self
        if not self.model.band_dropout:
            raise ValueError(
                "lobo.mode ablate needs a model that has learned to do without single bands; set model.band_dropout, "
                "e.g. to 0.15, or use lobo.mode retrain"
            )
        if self.lobo.only:
            raise ValueError("lobo.only needs lobo.mode retrain: a model that lost all bands but one was never trained")
        return self

    def scored_models(self) -> tuple[str, ...]:
        """The main model and the baselines, each once."""
        return tuple(dict.fromkeys((self.model.name, *self.baselines)))

    def lobo_models(self) -> tuple[str, ...]:
        """Models that are examined without each band, each once."""
        names = [self.model.name if name == "main" else name for name in self.lobo.models]
        return tuple(dict.fromkeys(name for name in names if name in self.scored_models()))

    def ablated_models(self) -> tuple[str, ...]:
        """Models whose bands are set to 0 in one training, instead of a training without each."""
        return self.lobo_models() if self.lobo.mode == "ablate" else ()

    def band_list(self) -> tuple[Band, ...]:
        """The bands, with edges in Hz."""
        if isinstance(self.bands, str):
            return default_bands(self.signal.line_hz)
        return tuple(Band(name=name, low_hz=low, high_hz=high) for name, (low, high) in self.bands.items())
