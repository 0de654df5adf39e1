"""The scripts in examples/, run as a reader would."""

import shutil
import subprocess
import sys
from pathlib import Path

import h5py
import pytest
import yaml

from tests.archive.server import ServedAsset, run_archive

EXAMPLES = Path(__file__).parents[1] / "examples"
QUICK = {
    "sessions": ["nwb/**/*.nwb"],
    "model": {"name": "logistic"},
    "baselines": ["rate"],
    "bands": {"theta": [4, 8], "low_gamma": [30, 55], "high_frequency": [125, 175]},
    "units": {"min_spikes": 5},
    "validation": {"folds": 3},
    "lobo": {"mode": "off"},
    "controls": {"shifts": 20, "thin_to_matched": False, "own_wire": False},
}


def run_example(name: str, *arguments: object) -> str:
    """What the example printed."""
    script = next(EXAMPLES.glob(f"{name}_*.py"))
    done = subprocess.run([sys.executable, script, *map(str, arguments)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The folder of the first example, and what it printed."""
    folder = tmp_path_factory.mktemp("own")
    study = folder / "quick.yaml"
    study.write_text(yaml.safe_dump(QUICK))
    return folder, run_example("1", folder, study)


@pytest.mark.slow
def test_1_own_recordings_end_with_scores_beside_their_null(own: tuple[Path, str]) -> None:
    folder, printed = own
    assert printed.count("16 s of LFP and spikes: usable") == 3
    assert "unseen-participant, logistic, inhibitory: ROC-AUC 0." in printed
    assert ", shifted in time 0." in printed
    assert f"report: {folder / 'results' / 'report.html'}" in printed
    assert printed.endswith("every file is whole\n")


@pytest.mark.slow
def test_2_a_published_dataset_is_looked_into_fetched_and_studied(
    own: tuple[Path, str], shared_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    published = [*sorted((own[0] / "nwb").glob("*/*.nwb")), shared_data / "dandi/000207/sub-4_ses-4_ecephys+image.nwb"]
    study = tmp_path / "quick.yaml"
    with run_archive() as server:
        assets = [ServedAsset(path=f"{path.parent.name}/{path.name}", content=path.read_bytes()) for path in published]
        server.serve("000901", *assets)
        study.write_text(yaml.safe_dump(QUICK | {"archive": {"server": server.api}}))
        printed = run_example("2", tmp_path / "study", "DANDI:000901", study)
    assert "participant 4, 25 in right hippocampus, 10 in right amygdala; no continuous signal" in printed
    assert printed.count("; usable") == 3
    assert f"4 files of DANDI:000901/0.220126.1852 in {tmp_path / 'study' / 'dandi' / '000901'}" in printed
    assert printed.count("\nleft out: ") == 1
    assert printed.count("with predictions: ") == 3
    assert printed.endswith("every file is whole\n")


@pytest.mark.slow
def test_3_model_infers_from_a_recording_without_units(own: tuple[Path, str], tmp_path: Path) -> None:
    seeg = Path(shutil.copy(next((own[0] / "nwb").glob("**/*.nwb")), tmp_path / "seeg.nwb"))
    with h5py.File(seeg, "r+") as file:
        del file["units"]
    printed = run_example("3", own[0] / "results" / "model", seeg, tmp_path / "out.nwb")
    assert "out.nwb: bins x contacts (3" in printed
    assert "noise, inhibitory: bins x contacts (4000, 4)" in printed
