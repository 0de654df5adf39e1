"""What inspection says of files, folders and datasets."""

from collections.abc import Iterator
from pathlib import Path

import h5py
import pytest

from nwb_spikeinference.archive.connection import NetworkSettings
from nwb_spikeinference.config import ArchiveSettings, StudySettings
from nwb_spikeinference.errors import InputError, SettingsError
from nwb_spikeinference.pipeline.inspection import FileSummary, describe_summary, describe_table, inspect_files
from tests.archive.server import ArchiveServer, ServedAsset, run_archive
from tests.cli.test_cli import start
from tests.pipeline.sessions.test_sources import copy_as

HASTY = NetworkSettings(connect_s=2, read_s=2, retries=1, first_wait_s=0.01, limit_s=5)


@pytest.fixture
def recording(converted: Path, tmp_path: Path) -> Path:
    """A simulated recording that may be changed."""
    return copy_as(sorted(converted.glob("nwb/**/*.nwb"))[0], tmp_path / "sub-1" / "sub-1_ses-1.nwb", "1")


@pytest.fixture
def archive(recording: Path) -> Iterator[ArchiveServer]:
    """Serves the recording, and a text named as an NWB file."""
    with run_archive() as server:
        text = ServedAsset(path="sub-2/text.nwb", content=b"no HDF5")
        server.serve("000574", ServedAsset(path="sub-1/sub-1_ses-1.nwb", content=recording.read_bytes()), text)
        yield server


def inspect(path: Path) -> FileSummary:
    (summary,) = inspect_files([path])
    return summary


def without(recording: Path, *names: str) -> FileSummary:
    with h5py.File(recording, "r+") as file:
        for name in names:
            del file[name]
    return inspect(recording)


def test_a_simulated_recording_is_usable(recording: Path) -> None:
    summary = inspect(recording)
    assert (summary.reason, summary.participant) == (None, "1")
    assert summary.overlap_s == pytest.approx(16, abs=0.5)
    assert summary.electrodes == {"left hippocampus micro": 8, "right hippocampus micro": 8}


def test_what_inspection_advises_makes_the_file_usable(recording: Path, tmp_path: Path) -> None:
    with h5py.File(recording, "r+") as file:
        wires = file["units/electrodes"][()]
        labels = file["general/extracellular_ephys/electrodes/label"][()]
        del file["units/electrodes"], file["units/electrodes_index"]
        file["units"].create_dataset("wire_name", data=labels[wires])
    study = tmp_path / "study.yaml"
    study.write_text("sessions: [x]\nlayout: {unit_electrode: wire_name}\n")
    before, after = start("inspect", str(recording)), start("inspect", str(recording), "--study", str(study))
    assert "its units name no electrodes" in before.stdout
    assert before.stdout.count("units name no electrodes; add to study.yaml: layout: {unit_electrode: wire_name}") == 1
    assert (after.returncode, after.stdout.splitlines()[-1]) == (0, "  usable")


def test_a_study_of_macro_contacts_can_use_them(recording: Path) -> None:
    with h5py.File(recording, "r+") as file:
        kinds = file["general/extracellular_ephys/electrodes/electrode_type"]
        kinds[...] = ["macro"] * len(kinds)
    study = StudySettings.model_validate({"sessions": ["x"], "signal": {"predictor": "macro"}})
    (summary,) = inspect_files([recording], study=study)
    assert ("LFP of macro contacts alone" in str(inspect(recording).reason), summary.reason) == (True, None)


def test_a_folder_is_all_its_files(recording: Path) -> None:
    (recording.parent / "text.nwb").write_text("no HDF5")
    assert [one.usable for one in inspect_files([recording.parent.parent])] == [True, False]


def test_a_folder_without_nwb_files_says_so(tmp_path: Path) -> None:
    assert inspect(tmp_path).reason == "holds no NWB file"


def test_an_empty_path_is_a_setting_to_correct() -> None:
    with pytest.raises(SettingsError, match=r"'' is no path; name NWB files, folders, globs or datasets"):
        inspect_files([""])


def test_a_recording_without_units_is_for_predict(recording: Path) -> None:
    assert without(recording, "units").reason == "no units; 'nsi predict' reads LFP alone"


def test_a_recording_without_signal_has_nothing_to_predict_from(recording: Path) -> None:
    summary = without(recording, *raw_and_lfp(recording))
    assert summary.reason == "no continuous signal"


def raw_and_lfp(recording: Path) -> list[str]:
    with h5py.File(recording, "r") as file:
        return [f"acquisition/{name}" for name in file["acquisition"]] + ["processing"]


def test_units_that_name_no_electrode_cannot_be_used(recording: Path) -> None:
    with h5py.File(recording, "r") as file:
        names = [name for name in file["units"] if name.startswith("electrode")]
    assert without(recording, *(f"units/{name}" for name in names)).reason == "its units name no electrodes"


def test_lfp_of_macro_contacts_alone_is_told_how_to_be_used(recording: Path) -> None:
    with h5py.File(recording, "r+") as file:
        kinds = file["general/extracellular_ephys/electrodes/electrode_type"]
        kinds[:] = ["macro"] * len(kinds)
    assert inspect(recording).reason == (
        "LFP of macro contacts alone; set signal.predictor: macro, or give the file to 'nsi predict'"
    )


def test_several_files_make_a_table_with_a_line_each(recording: Path) -> None:
    (recording.parent / "text.nwb").write_text("no HDF5")
    head, first, second = describe_table(inspect_files([recording.parent])).splitlines()
    assert head.split() == ["file", "participant", "session", "electrodes", "signal", "units", "overlap", "usable"]
    assert first.endswith(" yes")
    assert second.endswith(" no: is not an HDF5 file, so no NWB file that can be read here")


def test_a_remote_file_is_described_as_the_local_one(archive: ArchiveServer, recording: Path) -> None:
    settings = ArchiveSettings(server=archive.api, glob="sub-1/*")
    (remote,) = inspect_files(["DANDI:000574"], archive=settings, network=HASTY)
    assert str(remote.path) == "DANDI:000574/0.220126.1852/sub-1/sub-1_ses-1.nwb"
    assert describe_summary(remote).splitlines()[1:] == describe_summary(inspect(recording)).splitlines()[1:]


def test_a_remote_file_is_not_downloaded_as_a_whole(archive: ArchiveServer, recording: Path) -> None:
    settings = ArchiveSettings(server=archive.api, glob="sub-1/*")
    inspect_files(["DANDI:000574"], archive=settings, network=HASTY)
    parts = [one.headers["Range"].removeprefix("bytes=").split("-") for one in archive.requests if "/blobs" in one.path]
    assert sum(int(last) - int(first) + 1 for first, last in parts) < recording.stat().st_size / 2


def test_an_unreadable_remote_file_stops_no_other(archive: ArchiveServer) -> None:
    found = inspect_files(["DANDI:000574"], archive=ArchiveSettings(server=archive.api), network=HASTY)
    assert [one.reason is None for one in found] == [True, False]


def test_f53_a_store_that_fails_is_the_reason(archive: ArchiveServer) -> None:
    archive.before = lambda handler: "/blobs" in handler.path and (handler.send_json(500, {}) or True)
    found = inspect_files(["DANDI:000574"], archive=ArchiveSettings(server=archive.api), network=HASTY)
    assert all("the archive does not answer (HTTP 500)" in str(one.reason) for one in found)


def test_a_dataset_that_does_not_exist_is_an_error(archive: ArchiveServer) -> None:
    with pytest.raises(InputError, match="HTTP 404"):
        inspect_files(["DANDI:000999"], archive=ArchiveSettings(server=archive.api), network=HASTY)


def test_f22_real_remote_files_without_lfp_have_the_reason(archive: ArchiveServer, shared_data: Path) -> None:
    for path in sorted((shared_data / "dandi").glob("*/*.nwb")):
        archive.serve(path.parent.name, ServedAsset(path=f"sub/{path.name}", content=path.read_bytes()))
    found = inspect_files(["DANDI:000207", "DANDI:000006"], archive=ArchiveSettings(server=archive.api), network=HASTY)
    assert [(one.participant, one.n_units, one.n_spikes, one.reason) for one in found] == [
        ("4", 35, 214278, "no continuous signal"),
        ("anm369963", 3, found[1].n_spikes, "no continuous signal"),
    ]
