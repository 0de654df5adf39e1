"""Hand-made results of a small study, whose every number is known."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from nwb_spikeinference.records import (
    FlagRecord,
    FoldRecord,
    HypothesisRecord,
    InputFile,
    LoboRecord,
    ModelRecord,
    ParticipantRecord,
    Provenance,
    Results,
    TransferRecord,
    UnitRecord,
)
from nwb_spikeinference.report.examples import TraceExample

PEOPLE = ("P01", "P02", "P03")
SETTINGS = {
    "model": {"name": "bilstm"},
    "signal": {"predictor": "neighbour", "line_hz": 60},
    "bands": "default",
    "lobo": {"mode": "retrain"},
    "transfer": {"train": {"region": "hippocampus", "hemisphere": "left"}},
}


def _units() -> tuple[UnitRecord, ...]:
    scored = [
        UnitRecord(
            participant=PEOPLE[index % 3],
            session="baseline",
            unit_id=index,
            unit_row=index,
            region="hippocampus" if index % 2 else "amygdala",
            hemisphere="left",
            cell_type="inhibitory" if index % 2 else "excitatory",
            predictor="neighbour",
            n_spikes=100 + 20 * index,
            rate_hz=2.0,
            roc_auc=0.6 + 0.01 * index,
            roc_auc_null=0.5,
            roc_auc_p=0.01,
            bits_per_spike=0.05,
            accuracy=0.98,
            majority_accuracy=0.981,
            calibration_slope=None if index == 0 else 1.0,
        )
        for index in range(6)
    ]
    silent = scored[0].model_copy(
        update={
            **dict.fromkeys(
                ("roc_auc", "roc_auc_null", "roc_auc_p", "bits_per_spike", "accuracy", "majority_accuracy")
            ),
            "unit_id": 99,
            "unit_row": 98,
            "n_spikes": 3,
            "excluded_reason": "3 spikes; at least 15 are needed",
        }
    )
    return (*scored, silent)


def _model(metric: str, model: str, cell_type: Any, mean: float, protocol: Any = "unseen-participant") -> ModelRecord:
    return ModelRecord(
        protocol=protocol,
        model=model,
        cell_type=cell_type,
        predictor="neighbour",
        metric=metric,
        mean=mean,
        low=mean - 0.0111,
        high=mean + 0.0111,
        n_units=6 if cell_type == "all" else 3,
        n_participants=3,
    )


def _models() -> tuple[ModelRecord, ...]:
    means = {"all": 0.6251, "excitatory": 0.6201, "inhibitory": 0.7302}
    main = [_model("roc_auc", "bilstm", group, mean) for group, mean in means.items()]
    logistic = [_model("roc_auc", "logistic", group, mean - 0.01) for group, mean in means.items()]
    accuracy = [_model("accuracy", "bilstm", "all", 0.9803), _model("majority_accuracy", "bilstm", "all", 0.9814)]
    return (*main, *logistic, *accuracy)


def _lobo() -> tuple[LoboRecord, ...]:
    drops = {"theta": 0.01, "low_gamma": 0.0344, "high_gamma": 0.005}
    return tuple(
        LoboRecord(
            band=band,
            mode="drop",
            model="main",
            cell_type="excitatory",
            delta_roc_auc=drop,
            low=drop - 0.004,
            high=drop + 0.004,
            p=0.02,
            n_units=3,
        )
        for band, drop in drops.items()
    )


def _transfer() -> tuple[TransferRecord, ...]:
    return tuple(
        TransferRecord(
            train_region="hippocampus",
            train_hemisphere="left",
            test_region=region,
            test_hemisphere="right",
            cell_type="excitatory",
            roc_auc=0.6077,
            low=0.59,
            high=0.62,
            within_roc_auc=0.61,
            all_places_roc_auc=0.63,
            train_units=31,
            within_train_units=12,
            n_units=3,
            n_participants=3,
        )
        for region in ("hippocampus", "amygdala")
    )


def _whole_study() -> Results:
    return Results(
        name="Small study",
        provenance=Provenance(
            version="0.1.0",
            git=None,
            settings=SETTINGS,
            inputs=(InputFile(file="sub-P01.nwb", sha256="ab" * 32),),
            seeds=(7,),
            started="2000-01-01T00:00:00+00:00",
            seconds=12.0,
            devices=("CPU",),
        ),
        participants=tuple(
            ParticipantRecord(participant=person, sessions=1, bundles=1, wires=8, units=2) for person in PEOPLE
        ),
        folds=tuple(
            FoldRecord(fold=fold, held_out=(person,), train_units=4, test_units=2) for fold, person in enumerate(PEOPLE)
        ),
        units=_units(),
        models=_models(),
        lobo=_lobo(),
        transfer=_transfer(),
        hypotheses=(
            HypothesisRecord(
                id="H2",
                statement="Inhibitory units are inferred better",
                verdict="confounded",
                effect=0.1101,
                low=0.05,
                high=0.16,
                p_holm=None,
                reason="the difference vanishes with matched counts",
            ),
        ),
        flags=(
            FlagRecord(id="few-participants", severity="info", message="only 3 participants", where="study"),
            FlagRecord(id="bleed-through", severity="serious", message="own wire is better by 0.05", where="P02"),
        ),
    )


@pytest.fixture(scope="session")
def make_results() -> Callable[..., Results]:
    """The small study, with any of its parts replaced."""

    def make(**parts: Any) -> Results:
        return _whole_study().model_copy(update=parts)

    return make


@pytest.fixture(scope="session")
def example() -> TraceExample:
    """One second of a sine with two spikes."""
    time_s = np.arange(200) / 200
    return TraceExample(
        title="Median unit",
        time_s=time_s,
        lfp_uv=20 * np.sin(2 * np.pi * 6 * time_s),
        probability=0.02 + 0.01 * np.sin(2 * np.pi * 6 * time_s),
        spike_times_s=np.array([0.2, 0.7, 4.0]),
        participant="P01",
        unit="unit 3",
        region="left hippocampus",
        cell_type="inhibitory",
        predictor="neighbour",
        protocol="unseen-participant",
        roc_auc=0.6412,
    )
