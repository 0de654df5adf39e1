"""Real recordings through the whole program."""

import math
from pathlib import Path
from typing import Any

import pytest
import yaml

from nwb_spikeinference.errors import NoSignalError
from nwb_spikeinference.pipeline.inspection import inspect_files
from nwb_spikeinference.pipeline.study import StudyOutcome, run_study
from nwb_spikeinference_converters.sessions.convert_session import convert_session

SESSION = {
    "subject": {"subject_id": "N1", "species": "Homo sapiens", "age": "P30Y", "sex": "U"},
    "session": {"session_id": "tetrode", "description": "two wires of a tetrode with threshold crossings"},
    "bundles": [{"label": "T3", "region": "hippocampus", "hemisphere": "left", "channels": [8, 9]}],
}


STUDY = {
    "sessions": ["nwb/**/*.nwb"],
    "signal": {"line_hz": 60, "predictor": "own-despiked"},
    "units": {"max_isi_violations": 1, "drop_duplicates": False, "min_snr": 0},
    "target": {"bin_ms": 10},
    # Three folds of 18 s leave room for 200 shifts of at least 5 s; five would leave room for 26.
    "validation": {"within": {"folds": 3, "embargo_s": 1.0}},
    "write_back": {"mode": "off"},
}
# A network that must learn everything itself: of 53 s, too little.
NETWORK = {"units": [8], "skip": "none", "epochs": 2, "chunk_bins": 100, "context_bins": 20, "learning_rate": 0.01}
UNITS = (0, 1)  # threshold crossings of one wire each
MAX_P = 0.05  # the score exceeds the 95th percentile of its shifts


@pytest.fixture(scope="module")
def folder(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Continuous signal and threshold crossings of a Neuralynx recorder, converted."""
    folder = tmp_path_factory.mktemp("neuralynx")
    recording = shared_data / "neuralynx" / "v5_5_1"
    session = SESSION | {
        "recordings": [{"format": "neuralynx", "file": str(recording)}],
        "units": [{"format": "nse", "file": str(recording / f"STet3{wire}.nse")} for wire in "ab"],
    }
    (folder / "session.yaml").write_text(yaml.safe_dump(session))
    convert_session(folder / "session.yaml", folder / "nwb")
    return folder


def study_by(model: dict[str, Any], baselines: list[str], folder: Path) -> StudyOutcome:
    """Study the recording; both studies share an output folder, so that features are made once."""
    (folder / "study.yaml").write_text(yaml.safe_dump(STUDY | {"model": model, "baselines": baselines}))
    return run_study(folder / "study.yaml")


@pytest.fixture(scope="module")
def logistic(folder: Path) -> StudyOutcome:
    return study_by({"name": "logistic"}, [], folder)


@pytest.fixture(scope="module")
def network(folder: Path) -> StudyOutcome:
    return study_by(NETWORK, ["logistic"], folder)


def flags_of(outcome: StudyOutcome) -> set[str]:
    return {flag.id for flag in outcome.results.flags}


@pytest.mark.parametrize("unit", UNITS)
def test_logistic_regression_infers_either_train_beyond_its_shifted_null(logistic: StudyOutcome, unit: int) -> None:
    record = logistic.results.units[unit]
    assert record.roc_auc_p is not None
    assert record.roc_auc_p < MAX_P


@pytest.mark.parametrize("unit", UNITS)
def test_the_shifted_null_stays_near_chance(logistic: StudyOutcome, unit: int) -> None:
    assert logistic.results.units[unit].roc_auc_null == pytest.approx(0.5, abs=0.03)


@pytest.mark.parametrize("unit", UNITS)
def test_a_network_with_too_little_data_still_scores_every_train(network: StudyOutcome, unit: int) -> None:
    record = network.results.units[unit]
    scores = (record.roc_auc, record.bits_per_spike, record.pr_auc, record.balanced_accuracy, record.calibration_slope)
    assert all(score is not None and math.isfinite(score) for score in scores)


def test_a_network_behind_logistic_regression_is_flagged_as_too_little_data(network: StudyOutcome) -> None:
    assert "too-little-data" in flags_of(network)


def test_own_wire_is_flagged(network: StudyOutcome) -> None:
    assert "own-wire" in flags_of(network)


def test_one_participant_has_no_unseen_protocol_and_no_failure(network: StudyOutcome) -> None:
    assert network.failed == ()
    assert {record.protocol for record in network.results.models} == {"within-session"}
    assert "protocol-left-out" in flags_of(network)


def test_dandi_000207_is_described_and_not_usable(shared_data: Path) -> None:
    (summary,) = inspect_files(list((shared_data / "dandi" / "000207").glob("*.nwb")))
    assert summary.units == {"right hippocampus": 25, "right amygdala": 10}
    assert summary.n_spikes == 214278
    assert summary.reason == "no continuous signal"


def test_dandi_000207_alone_cannot_be_studied(shared_data: Path, tmp_path: Path) -> None:
    (tmp_path / "study.yaml").write_text(
        yaml.safe_dump({"sessions": [str(shared_data / "dandi" / "000207" / "*.nwb")]})
    )
    with pytest.raises(NoSignalError, match="no continuous signal, only 35 units"):
        run_study(tmp_path / "study.yaml")
