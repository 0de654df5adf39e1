"""Bad input: one clear line each, and nothing written."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from scipy.io import loadmat, savemat

from nwb_spikeinference.errors import (
    InputError,
    LockedError,
    MontageError,
    NoUnitsError,
    ResourceError,
    SettingsError,
    SpikeInferenceError,
)
from nwb_spikeinference.files import lock
from nwb_spikeinference_converters.sessions import convert_session as session_module
from nwb_spikeinference_converters.sessions.convert_session import convert_session

Edit = Callable[..., Path]


def refuse(session_file: Path, error: type[SpikeInferenceError], match: str) -> None:
    """The error is raised, its message is one line, and no output exists."""
    output = session_file.parent / "nwb"
    with pytest.raises(error, match=match) as caught:
        convert_session(session_file, output)
    assert "\n" not in str(caught.value)
    assert not list(output.rglob("*.nwb"))


def bundles_of(session_file: Path) -> list[dict[str, Any]]:
    return yaml.safe_load(session_file.read_text(encoding="utf-8"))["bundles"]


def test_missing_session_file(tmp_path: Path) -> None:
    refuse(tmp_path / "session.yaml", InputError, r"session\.yaml: no such file")


def test_missing_recording(edited_session: Edit) -> None:
    recordings = [{"format": "blackrock", "file": "gone.ns6"}]
    refuse(edited_session(recordings=recordings, devices=[]), InputError, r"gone\.ns6: no such file or folder")


def test_missing_units_file(edited_session: Edit) -> None:
    refuse(edited_session(units=[{"format": "mat", "file": "gone.mat"}]), InputError, r"gone\.mat: no such file")


def test_a_unit_of_time_for_times_that_a_recorder_stamped_is_refused(edited_session: Edit) -> None:
    units = [{"format": "nev", "file": "raw.nev", "time_unit": "ms"}]
    refuse(edited_session(units=units), SettingsError, r"raw\.nev: .* remove 'time_unit'")


def test_f39_truncated_recording(edited_session: Edit, simulated_session: Path, tmp_path: Path) -> None:
    content = (simulated_session.parent / "raw.ns6").read_bytes()
    (tmp_path / "raw.ns6").write_bytes(content[: len(content) - 1001])
    refuse(edited_session(), InputError, r"raw\.ns6: truncated or damaged")


def test_unknown_key(edited_session: Edit) -> None:
    session = edited_session(bundels=[])  # codespell:ignore bundels
    refuse(session, SettingsError, "unknown key 'bundels'; did you mean 'bundles'")  # codespell:ignore bundels


def test_unknown_recording_format(edited_session: Edit) -> None:
    recordings = [{"format": "blackrok", "file": "raw.ns6"}]
    refuse(
        edited_session(recordings=recordings), SettingsError, "format 'blackrok' is unknown; did you mean 'blackrock'"
    )


def test_unknown_units_format(edited_session: Edit) -> None:
    units = [{"format": "kilosort9", "file": "units.mat"}]
    refuse(edited_session(units=units), SettingsError, "'kilosort9' is unknown; .*known: combinato, csv, mat, nev")


def test_unknown_region(edited_session: Edit) -> None:
    bundles = bundles_of(edited_session())
    bundles[0]["region"] = "hipocampus"
    refuse(edited_session(bundles=bundles), MontageError, "region 'hipocampus' is unknown; did you mean 'hippocampus'")


def test_overlapping_bundles(edited_session: Edit) -> None:
    bundles = bundles_of(edited_session())
    twin = {**bundles[0], "label": "TWIN"}
    refuse(edited_session(bundles=[*bundles, twin]), MontageError, r"channel \d+ is claimed by bundles .* and 'TWIN'")


def test_channel_that_the_recording_lacks(edited_session: Edit) -> None:
    bundles = bundles_of(edited_session())
    bundles[0]["channels"] = [*bundles[0]["channels"], 77]
    refuse(edited_session(bundles=bundles), MontageError, r"channel 77 is in no recording \(raw\.ns6 has ")


def test_unit_on_a_channel_that_the_montage_lacks(
    edited_session: Edit, simulated_session: Path, tmp_path: Path
) -> None:
    source = {key: value for key, value in loadmat(simulated_session.parent / "units.mat").items() if key[0] != "_"}
    savemat(tmp_path / "units.mat", {**source, "channel": np.full_like(source["channel"], 99)})
    refuse(edited_session(), MontageError, r"units\.mat: a unit is on channel 99, which is in no bundle")


def test_no_spikes(edited_session: Edit, tmp_path: Path) -> None:
    (tmp_path / "empty.csv").write_text("unit,channel,time_s\n", encoding="utf-8")
    refuse(edited_session(units=[{"format": "csv", "file": "empty.csv"}]), NoUnitsError, r"no spikes in empty\.csv")


def test_f30_spike_times_in_samples(edited_session: Edit, tmp_path: Path) -> None:
    (tmp_path / "samples.csv").write_text("unit,channel,time_s\n1,1,45000\n1,1,90000\n", encoding="utf-8")
    channel = bundles_of(edited_session())[0]["channels"][0]
    units = [{"format": "csv", "file": "samples.csv", "channel": channel}]
    refuse(
        edited_session(units=units), InputError, "2 of 2 spikes lie outside the recording .* are the times in samples"
    )


def test_no_bundles(edited_session: Edit) -> None:
    refuse(edited_session(bundles=[], units=[]), MontageError, "'bundles' is missing")


def test_no_age(edited_session: Edit) -> None:
    refuse(edited_session(subject={"subject_id": "P01"}), SettingsError, r"'subject\.age' is missing")


def test_a_clip_beyond_the_end(edited_session: Edit) -> None:
    refuse(
        edited_session(clip={"start_s": 1000}),
        InputError,
        r"'clip' .1000 s to the end. keeps no stretch of 0.1 s .*from 0 to 10 s",
    )


def test_an_unknown_recorder(edited_session: Edit) -> None:
    refuse(edited_session(devices=[]), MontageError, "nsp 'NSP1' is none of the devices")


def test_f06_no_space(edited_session: Edit, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_space(folder: Path, n_bytes: int) -> None:
        raise ResourceError(f"{folder}: needs {n_bytes} bytes")

    monkeypatch.setattr(session_module, "require_space", no_space)
    refuse(edited_session(), ResourceError, "needs ")


def test_f11_a_second_writer(edited_session: Edit, tmp_path: Path) -> None:
    with lock(tmp_path / "nwb" / "sub-S01" / "sub-S01_ses-simulated_ecephys.nwb"):
        refuse(edited_session(), LockedError, r"process \d+ is writing here")


def test_what_the_inspector_refuses_is_not_kept(edited_session: Edit) -> None:
    subject = {"subject_id": "P01", "age": "P34Y", "species": "human"}
    session_file = edited_session(subject=subject)
    refuse(session_file, InputError, r"/sub-P01_ses-\w+_ecephys\.nwb: not a valid NWB file: critical: .*species")
    assert not list((session_file.parent / "nwb").rglob("*.partial"))
