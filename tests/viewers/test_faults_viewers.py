"""A finished session opens everywhere: validators, readers without this package, and a viewer in a real browser."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import h5py
import matplotlib.image
import numpy as np
import pynwb
import pytest

from nwb_spikeinference_converters.montage.dandiset import ensure_dandiset
from tests.viewers.conftest import BANDS, SECONDS, Read, served

pytestmark = pytest.mark.slow
PROBABILITY = "processing/spike_inference/spike_probability"
RESULTS = {"spike_probability", "cross_validation", "lobo", "transfer", "unit_metrics", "model"}
BIN_S = 0.005
# The module is named after what it holds, and a recording without pauses is one period.
ALLOWED = {("check_processing_module_name", "spike_inference")}


def run_program(name: str, *arguments: str | Path, home: Path) -> subprocess.CompletedProcess[str]:
    """Run a program of this environment, without telemetry and with its logs in `home`."""
    environment = {**os.environ, "DANDI_NO_ET": "1", "HOME": str(home), "XDG_STATE_HOME": str(home)}
    command = [Path(sys.executable).with_name(name), *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=300)


def test_f70_the_schema_validator_finds_nothing(finished_session: Path) -> None:
    assert pynwb.validate(path=str(finished_session)) == []


def test_f70_the_inspector_suggests_what_is_allowed_only(finished_session: Path, tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    run_program("nwbinspector", finished_session, "--config", "dandi", "--json-file-path", report, home=tmp_path)
    messages = json.loads(report.read_text(encoding="utf-8"))["messages"]
    assert {one["importance"] for one in messages} == {"BEST_PRACTICE_SUGGESTION"}
    assert {(one["check_function_name"], one["object_name"]) for one in messages} == ALLOWED


def test_f70_the_archives_client_finds_nothing(finished_session: Path, tmp_path: Path) -> None:
    folder = tmp_path / "dandiset" / "sub-S01"
    folder.mkdir(parents=True)
    shutil.copy(finished_session, folder)
    ensure_dandiset(folder.parent)
    done = run_program("dandi", "validate", "-f", "json_lines", folder.parent, home=tmp_path)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr


@pytest.mark.viewer
def test_f70_pynwb_reads_the_results_without_this_package(finished_session: Path, read: Read) -> None:
    found = read("open_in_pynwb.py", finished_session)
    with h5py.File(finished_session) as file:
        np.testing.assert_array_equal(found["probabilities"], file[PROBABILITY]["data"][()])
        np.testing.assert_array_equal(found["n_spikes"], np.diff(file["units/spike_times_index"][()], prepend=0))
    assert found["rate_hz"] == 1 / BIN_S
    assert set(found["bands"]) == set(BANDS)
    assert str(found["architecture"]).startswith("lagged logistic regression")


@pytest.mark.viewer
def test_f70_pynapple_shows_predictions_as_columns_over_time(finished_session: Path, read: Read) -> None:
    found = read("open_in_pynapple.py", finished_session)
    assert found["kind"] == "TsdFrame"
    np.testing.assert_allclose(found["times_s"], np.arange(round(SECONDS / BIN_S)) * BIN_S, atol=1e-9)
    with h5py.File(finished_session) as file:
        np.testing.assert_array_equal(found["probabilities"], file[PROBABILITY]["data"][()])


@pytest.mark.viewer
def test_f70_spikeinterface_reads_the_lfp_in_microvolts(finished_session: Path, read: Read) -> None:
    found = read("open_in_spikeinterface.py", finished_session)
    with h5py.File(finished_session) as file:
        volts = file["processing/ecephys/LFP/ElectricalSeriesLFP/data"][()]
    np.testing.assert_allclose(found["lfp_uv"], volts * 1e6, rtol=1e-5)
    assert found["rate_hz"] == 1000
    assert list(found["wires"]) == list(range(1, 9))
    assert set(found["areas"]) == {"left hippocampus"}


@pytest.mark.viewer
def test_f70_h5web_draws_the_probability_of_a_unit(
    finished_session: Path, h5web: Path, chromium: str, run_reader: Callable[..., None], tmp_path: Path
) -> None:
    shutil.copy(finished_session, h5web / "session.nwb")
    unit = 3
    with served(h5web) as address:
        page = f"{address}/?file=session.nwb&path=/{PROBABILITY}/data"
        run_reader("look_in_h5web.py", page, chromium, unit, tmp_path)
    seen = json.loads((tmp_path / "seen.json").read_text(encoding="utf-8"))
    assert seen["errors"] == []
    assert {urlsplit(url.removeprefix("blob:")).hostname for url in seen["requests"]} == {"127.0.0.1"}
    assert set(seen["names"]) >= RESULTS
    with h5py.File(finished_session) as file:
        probability = file[PROBABILITY]["data"][:, unit]
    where, value = seen["tooltip"]
    assert float(value.split()[0]) == pytest.approx(probability[int(where.removeprefix("x = "))], rel=1e-4)
    columns, rows = inked(tmp_path / "plot.png")
    assert columns > 0.8 * np.isfinite(probability).mean()
    assert rows > 0.5


def inked(picture: Path) -> tuple[float, float]:
    """Shares of a plot's columns and rows that its line, which is navy, passes through."""
    image = matplotlib.image.imread(picture)
    line = image[..., 2] - image[..., 0] > 0.3
    return float(line.any(axis=0).mean()), float(line.any(axis=1).mean())
