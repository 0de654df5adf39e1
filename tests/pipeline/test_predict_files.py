"""Predictions written into copies of NWB files."""

import json
import shutil
from pathlib import Path

import h5py
import numpy as np
import pynwb
import pytest
from click.testing import CliRunner

from nwb_spikeinference import InferenceModel
from nwb_spikeinference.cli.app import app
from nwb_spikeinference.errors import ExistsError, InputError, NoSignalError, SettingsError
from nwb_spikeinference.files import sha256_file
from nwb_spikeinference.nwb.results.verify_file import verify_file
from nwb_spikeinference.pipeline.predict import ContactChoice, predict_file
from tests.pipeline.small_models import (
    INTERCEPTS,
    make_lfp,
    write_lfp_file,
)

LEFT, RIGHT, OFC = ("hippocampus", "left"), ("hippocampus", "right"), ("orbitofrontal", "left")
TYPES = ("excitatory", "inhibitory")


def call(*arguments: object) -> dict[str, object]:
    result = CliRunner().invoke(app, ["predict", *(str(one) for one in arguments), "--json"], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def written(path: Path) -> dict[str, np.ndarray]:
    with h5py.File(path, "r") as file:
        module = file["processing/spike_inference"]
        return {name: module[f"spike_probability_{name}/data"][()] for name in TYPES}


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds after the session's start: macro contacts at 500 Hz, no units."""
    path = tmp_path_factory.mktemp("recording") / "sub-P20_ses-one_ecephys.nwb"
    return write_lfp_file(path, make_lfp(8, 4, 500), 500, [LEFT, LEFT, RIGHT, OFC])


@pytest.mark.parametrize(("rate_hz", "kind"), [(500, "macro"), (2000, "micro")])
def test_the_command_and_python_infer_the_same(rate_hz: float, kind: str, model_folder: Path, tmp_path: Path) -> None:
    lfp = make_lfp(8, 3, rate_hz)
    source = write_lfp_file(tmp_path / "in.nwb", lfp, rate_hz, [LEFT, LEFT, RIGHT], kind=kind)
    call(model_folder, source, "-o", tmp_path / "out.nwb")
    expected = InferenceModel.load(model_folder).predict(lfp, rate_hz).probabilities
    for name, values in written(tmp_path / "out.nwb").items():
        np.testing.assert_array_equal(values, expected[name])
        assert np.isfinite(values).any()


def test_the_file_passes_every_check_and_opens_in_pynwb(model_folder: Path, recording: Path, tmp_path: Path) -> None:
    target = tmp_path / "out.nwb"
    before = sha256_file(recording)
    call(model_folder, recording, "-o", target)
    assert sha256_file(recording) == before
    assert verify_file(target) == ()
    with pynwb.NWBHDF5IO(target, "r") as io:
        file = io.read()
        module = file.processing["spike_inference"]
        series, contacts = module["spike_probability_inhibitory"], module["contacts"].to_dataframe()
        assert (series.data.shape, series.rate, series.starting_time, series.unit) == (
            (1600, 4),
            200.0,
            2.0,
            "probability",
        )
        assert [frame["label"].item() for frame in contacts["electrode"]] == ["LHIP1", "LHIP2", "RHIP3", "LORB4"]
        assert "left hippocampus (21 units), left amygdala (10 units)" in series.comments
        model = module["model"]
        assert model.weights_sha256 == sha256_file(model_folder / "weights.npz")
        assert json.loads(model.settings)["intercepts"] == INTERCEPTS
        np.testing.assert_array_equal(
            file.processing["ecephys"]["LFP"]["ElectricalSeriesLFP"].data[:], make_lfp(8, 4, 500).astype(np.float32)
        )


def test_every_contact_says_what_lies_outside_of_training(model_folder: Path, recording: Path, tmp_path: Path) -> None:
    document = call(model_folder, recording, "-o", tmp_path / "out.nwb")
    both = ["a macro contact, trained on micro contacts", "recorded at 500 Hz, trained on LFP at 1000 Hz"]
    assert [one["outside_training"] for one in document["contacts"]] == [
        both,
        both,
        ["right hippocampus was not in training, the other side was", *both],
        ["region orbitofrontal was not in training", *both],
    ]
    with h5py.File(tmp_path / "out.nwb", "r") as file:
        held = file["processing/spike_inference/contacts/outside_training"].asstr()[()]
    assert held.tolist() == ["; ".join(one["outside_training"]) for one in document["contacts"]]


def test_a_contact_like_those_of_training_has_nothing_outside(model_folder: Path, tmp_path: Path) -> None:
    source = write_lfp_file(tmp_path / "in.nwb", make_lfp(5, 1, 1000), 1000, [LEFT], kind="micro")
    (contact,) = call(model_folder, source, "-o", tmp_path / "out.nwb")["contacts"]
    assert contact["outside_training"] == []


def test_a_contact_of_unknown_size_says_so(model_folder: Path, tmp_path: Path) -> None:
    source = write_lfp_file(tmp_path / "in.nwb", make_lfp(5, 1, 1000), 1000, [LEFT], kind="micro")
    with h5py.File(source, "r+") as file:
        file["general/extracellular_ephys/electrodes/electrode_type"][...] = ""
    (contact,) = call(model_folder, source, "-o", tmp_path / "out.nwb")["contacts"]
    assert contact["outside_training"] == [
        "its file does not say whether it is a micro or a macro contact (study.yaml can: layout: contacts), trained on "
        "micro contacts"
    ]


def test_contacts_are_placed_as_the_study_that_is_named_says(
    model_folder: Path, recording: Path, tmp_path: Path
) -> None:
    source = Path(shutil.copy(recording, tmp_path / "in.nwb"))
    with h5py.File(source, "r+") as file:
        table = file["general/extracellular_ephys/electrodes"]
        table.create_dataset("atlas", data=["left subiculum-x"] * 4)
    study = tmp_path / "study.yaml"
    study.write_text("sessions: [x]\nlayout: {region_column: atlas}\nregions: {subiculum-x: hippocampus}\n")
    document = call(model_folder, source, "-o", tmp_path / "out.nwb", "--study", study, "--dry-run")
    assert [one["region"] for one in document["contacts"]] == ["hippocampus"] * 4


@pytest.mark.parametrize(
    ("options", "chosen"),
    [
        (["--region", "Hippocampus"], ["LHIP1", "LHIP2", "RHIP3"]),
        (["--region", "hippocampus", "--hemisphere", "R"], ["RHIP3"]),
        (["--region", "OFC", "--region", "hippocampus", "--hemisphere", "left"], ["LHIP1", "LHIP2", "LORB4"]),
        (["--channel", "LORB4", "--channel", "LHIP2"], ["LHIP2", "LORB4"]),
    ],
)
def test_contacts_are_chosen_by_region_side_and_name(
    options: list[str], chosen: list[str], model_folder: Path, recording: Path, tmp_path: Path
) -> None:
    document = call(model_folder, recording, "-o", tmp_path / "out.nwb", *options, "--dry-run")
    assert [one["label"] for one in document["contacts"]] == chosen
    assert not list(tmp_path.iterdir())


def test_a_chosen_contact_is_inferred_as_among_all(model_folder: Path, recording: Path, tmp_path: Path) -> None:
    call(model_folder, recording, "-o", tmp_path / "all.nwb")
    call(model_folder, recording, "-o", tmp_path / "one.nwb", "--channel", "RHIP3")
    every, one = written(tmp_path / "all.nwb"), written(tmp_path / "one.nwb")
    np.testing.assert_array_equal(one["excitatory"][:, 0], every["excitatory"][:, 2])


@pytest.mark.parametrize(
    ("choice", "said"),
    [
        (ContactChoice(channels=("LHIP9",)), "no recorded contact is named 'LHIP9'; did you mean 'LHIP"),
        (ContactChoice(regions=("insula",)), "lies in region 'insula'; it holds hippocampus, orbitofrontal"),
        (ContactChoice(hemispheres=("up",)), "hemisphere 'up' is unknown; known: left, right, midline"),
        (ContactChoice(regions=("OFC",), hemispheres=("right",)), "none of 4 contacts fits all"),
    ],
)
def test_a_choice_that_nothing_fits_is_refused(
    choice: ContactChoice, said: str, model_folder: Path, recording: Path, tmp_path: Path
) -> None:
    with pytest.raises(SettingsError, match=said):
        predict_file(model_folder, recording, tmp_path / "out.nwb", choice)


def test_an_existing_file_is_replaced_only_when_asked(model_folder: Path, recording: Path, tmp_path: Path) -> None:
    target = tmp_path / "out.nwb"
    predict_file(model_folder, recording, target)
    before = sha256_file(target)
    with pytest.raises(ExistsError, match="exists already; add --overwrite"):
        predict_file(model_folder, recording, target)
    assert sha256_file(target) == before
    call(model_folder, recording, "-o", target, "--overwrite")
    assert [path.name for path in tmp_path.iterdir()] == ["out.nwb"]


def test_the_source_is_never_the_target(model_folder: Path, recording: Path) -> None:
    with pytest.raises(InputError, match="is the source itself"):
        predict_file(model_folder, recording, recording, overwrite=True)


def test_a_file_without_signal_is_refused_and_nothing_written(model_folder: Path, tmp_path: Path) -> None:
    source = write_lfp_file(tmp_path / "in.nwb", make_lfp(5, 1, 1000), 1000, [LEFT])
    with h5py.File(source, "r+") as file:
        del file["processing"]
    with pytest.raises(NoSignalError, match=r"in\.nwb: no contact with a continuous signal"):
        predict_file(model_folder, source, tmp_path / "out" / "out.nwb")
    assert [path.name for path in tmp_path.iterdir()] == ["in.nwb"]


def test_a_failure_in_the_middle_leaves_nothing_behind(model_folder: Path, tmp_path: Path) -> None:
    lfp = np.zeros((5000, 1))
    source = write_lfp_file(tmp_path / "in.nwb", lfp, 1000, [LEFT])
    with pytest.raises(NoSignalError, match=r"nothing can be inferred at any of 1 contacts \(LHIP1: "):
        predict_file(model_folder, source, tmp_path / "out.nwb")
    assert [path.name for path in tmp_path.iterdir()] == ["in.nwb"]


def test_f10_a_recording_is_never_replaced(model_folder: Path, recording: Path, tmp_path: Path) -> None:
    other = Path(shutil.copy(recording, tmp_path / "another.nwb"))
    before = sha256_file(other)
    with pytest.raises(ExistsError, match="holds no results of a study; move it to another place"):
        predict_file(model_folder, recording, other, overwrite=True)
    assert sha256_file(other) == before


def test_the_file_says_which_kind_of_model_it_came_from(model_folder: Path, recording: Path, tmp_path: Path) -> None:
    predict_file(model_folder, recording, tmp_path / "out.nwb")
    with h5py.File(tmp_path / "out.nwb") as file:
        said = file["processing/spike_inference/model"].attrs["architecture"]
    assert said == "lagged logistic regression, heads excitatory, inhibitory, any"
