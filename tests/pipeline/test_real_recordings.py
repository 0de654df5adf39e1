"""Real recordings through the whole program."""

from pathlib import Path

import pytest
import yaml

from nwb_spikeinference.errors import NoSignalError
from nwb_spikeinference.pipeline.inspection import inspect_files
from nwb_spikeinference.pipeline.study import StudyOutcome, run_study
from nwb_spikeinference_converters.session import convert_session

SESSION = {
    "subject": {"subject_id": "N1", "species": "Homo sapiens", "age": "P30Y", "sex": "U"},
    "session": {"session_id": "tetrode", "description": "two wires of a tetrode with threshold crossings"},
    "bundles": [{"label": "T3", "region": "hippocampus", "hemisphere": "left", "channels": [8, 9]}],
}


@pytest.fixture(scope="module")
def neuralynx(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> StudyOutcome:
    """Continuous signal and threshold crossings of a Neuralynx recorder, converted and studied."""
    folder = tmp_path_factory.mktemp("neuralynx")
    recording = shared_data / "neuralynx" / "v5_5_1"
    session = SESSION | {
        "recordings": [{"format": "neuralynx", "file": str(recording)}],
        "units": [{"format": "nse", "file": str(recording / f"STet3{wire}.nse")} for wire in "ab"],
    }
    (folder / "session.yaml").write_text(yaml.safe_dump(session))
    convert_session(folder / "session.yaml", folder / "nwb")
    study = {
        "sessions": ["nwb/**/*.nwb"],
        "signal": {"line_hz": 60, "predictor": "own-despiked"},
        "units": {"max_isi_violations": 1, "drop_duplicates": False, "min_snr": 0},
        "target": {"bin_ms": 10},
        "model": {"units": [8, 4], "epochs": 4, "chunk_bins": 100, "context_bins": 20, "learning_rate": 0.01},
        "validation": {"within": {"folds": 5, "embargo_s": 1.0}},
        "write_back": {"mode": "off"},
    }
    (folder / "study.yaml").write_text(yaml.safe_dump(study))
    return run_study(folder / "study.yaml")


def test_neuralynx_spiking_is_inferred_above_the_shifted_null(neuralynx: StudyOutcome) -> None:
    logistic = {
        (record.metric): record.mean
        for record in neuralynx.results.models
        if record.model == "logistic" and record.cell_type == "all"
    }
    assert logistic["roc_auc"] > 0.55
    assert abs(logistic["roc_auc_null"] - 0.5) < 0.05


def test_neuralynx_units_stand_out_of_their_own_null(neuralynx: StudyOutcome) -> None:
    assert len(neuralynx.results.units) == 2
    assert all(unit.roc_auc_p is not None for unit in neuralynx.results.units)


def test_one_participant_has_no_unseen_protocol_and_no_failure(neuralynx: StudyOutcome) -> None:
    assert neuralynx.failed == ()
    assert {record.protocol for record in neuralynx.results.models} == {"within-session"}
    assert "protocol-left-out" in {flag.id for flag in neuralynx.results.flags}


def test_own_wire_is_flagged(neuralynx: StudyOutcome) -> None:
    assert "own-wire" in {flag.id for flag in neuralynx.results.flags}


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
