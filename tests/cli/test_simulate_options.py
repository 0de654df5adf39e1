"""``nsi simulate``: its options reach the recording."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from nwb_spikeinference.cli.app import app
from nwb_spikeinference.files import sha256_file
from nwb_spikeinference.simulate.simulated_study import SimulationSettings, write_blackrock_study

SMALL = ("--participants", "1", "--seconds", "5", "--bundles", "1")
OPTIONS = {"ap_uv": 90.0, "electrode_drift": 0.5, "amplitude_jitter": 0.1, "missed_spikes": 0.2}


def test_options_of_the_command_are_those_of_the_simulation(tmp_path: Path) -> None:
    given = [word for name, value in OPTIONS.items() for word in (f"--{name.replace('_', '-')}", str(value))]
    result = CliRunner().invoke(app, ["simulate", str(tmp_path / "command"), *SMALL, *given])
    assert result.exit_code == 0, result.output
    settings = SimulationSettings(participants=1, seconds=5, bundles=1, **OPTIONS)
    write_blackrock_study(tmp_path / "call", settings)
    for name in ("raw.ns6", "raw.nev", "units.mat"):
        assert sha256_file(tmp_path / "command" / "S01" / name) == sha256_file(tmp_path / "call" / "S01" / name)


@pytest.mark.parametrize(
    ("option", "value"), [("--missed-spikes", "1"), ("--electrode-drift", "2"), ("--ap-uv", "5000")]
)
def test_an_impossible_recording_is_refused_as_bad_settings(tmp_path: Path, option: str, value: str) -> None:
    result = CliRunner().invoke(app, ["simulate", str(tmp_path), *SMALL, option, value])
    assert result.exit_code == 2
    assert option[2:].replace("-", "_") in result.stderr
