"""Model folders that are damaged, changed or made to harm: one line each, nothing executed, nothing written."""

import hashlib
import io
import json
import os
import pickle
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from nwb_spikeinference.cli.app import app
from nwb_spikeinference.errors import InputError
from nwb_spikeinference.inputs import HEADS
from nwb_spikeinference.pipeline.inference.inference_model import InferenceModel
from nwb_spikeinference.pipeline.inference.model_folder import read_model_folder
from tests.pipeline.small_models import make_lfp, make_settings, random_weights, write_folder, write_lfp_file


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A sound folder."""
    return write_folder(tmp_path / "model", make_settings())


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_lfp_file(
        tmp_path_factory.mktemp("lfp") / "macro.nwb", make_lfp(5, 1, 1000), 1000, [("hippocampus", "left")]
    )


@pytest.fixture
def refusal(recording: Path, tmp_path: Path) -> Callable[[Path], str]:
    """Gives a model to ``nsi predict``; the one line that it refuses it with."""

    def refuse(model: Path) -> str:
        before = sorted(tmp_path.rglob("*"))
        result = CliRunner().invoke(app, ["predict", str(model), str(recording), "-o", str(tmp_path / "out.nwb")])
        assert result.exit_code == 3, result.output
        assert sorted(tmp_path.rglob("*")) == before
        assert "Traceback" not in result.output
        (line,) = result.stderr.strip().splitlines()
        return line

    return refuse


class Harm:
    """Makes a file when it is unpickled."""

    def __init__(self, marker: Path) -> None:
        self._marker = marker

    def __reduce__(self) -> tuple[object, ...]:
        return os.mkdir, (str(self._marker),)


def keras_file(path: Path, marker: Path) -> Path:
    """A Keras model with a Lambda layer that makes a folder when it is built."""
    code = f"""
import keras
layer = keras.layers.Lambda(lambda x: (__import__("os").makedirs({str(marker)!r}, exist_ok=True), x)[1])
model = keras.Sequential([keras.Input((3,)), layer])
model.save({str(path)!r})
"""
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
    os.rmdir(marker)
    return path


def change_settings(folder: Path, **changes: object) -> Path:
    path = folder / "settings.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
    return folder


def packed(members: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def npy(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def test_f43_a_keras_file_with_a_lambda_layer_is_refused_unopened(refusal, tmp_path: Path) -> None:
    marker = tmp_path / "executed"
    model = keras_file(tmp_path / "model.keras", marker)
    assert "model.keras: is a file, and no such file is opened, since it could hold code" in refusal(model)
    inside = write_folder(tmp_path / "model", make_settings(), model.read_bytes())  # in the place of the weights
    assert "holds 'metadata.json' where weight_0.npy and so on are expected" in refusal(inside)
    assert not marker.exists()


def test_f44_truncated_weights_are_refused(refusal, folder: Path) -> None:
    weights = folder / "weights.npz"
    weights.write_bytes(weights.read_bytes()[:-200])
    assert "is not the file that settings.json names (its sha256 differs)" in refusal(folder)
    change_settings(folder, weights_sha256=hashlib.sha256(weights.read_bytes()).hexdigest())
    assert "weights.npz: is damaged (File is not a zip file)" in refusal(folder)


def test_f44_a_flipped_byte_of_the_weights_is_seen(refusal, folder: Path) -> None:
    weights = folder / "weights.npz"
    content = bytearray(weights.read_bytes())
    content[len(content) // 2] ^= 1
    weights.write_bytes(content)
    assert "its sha256 differs" in refusal(folder)
    change_settings(folder, weights_sha256=hashlib.sha256(content).hexdigest())
    assert "is damaged (Bad CRC-32 for file 'weight_0.npy')" in refusal(folder)


def test_f44_a_zip_bomb_is_refused_unpacked(refusal, tmp_path: Path) -> None:
    bomb = packed({"weight_0.npy": bytes(300_000_000)}, zipfile.ZIP_DEFLATED)
    model = write_folder(tmp_path / "model", make_settings(), bomb)
    assert "weights.npz: is compressed or encrypted" in refusal(model)
    code = (
        "import resource, sys\nfrom pathlib import Path\n"
        "from nwb_spikeinference.pipeline.inference.model_folder import read_model_folder\n"
        "from nwb_spikeinference.errors import InputError\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "try:\n    read_model_folder(Path(sys.argv[1]))\nexcept InputError:\n"
        "    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(model)], check=True, capture_output=True, text=True)
    assert int(done.stdout) < 50_000  # kB


def test_f44_a_member_that_climbs_out_of_the_folder_is_refused(refusal, tmp_path: Path) -> None:
    content = packed({"weight_0.npy": npy(np.zeros(3, np.float32)), "../weight_1.npy": npy(np.zeros(3, np.float32))})
    assert "holds '../weight_1.npy'" in refusal(write_folder(tmp_path / "model", make_settings(), content))


def test_f44_an_array_that_claims_more_than_it_holds_is_refused(refusal, tmp_path: Path) -> None:
    claims = npy(np.zeros((2, 3), np.float32)).replace(b"(2, 3), }", b"(9, 3), }")
    model = write_folder(tmp_path / "model", make_settings(), packed({"weight_0.npy": claims}))
    assert "weight_0.npy claims shape (9, 3) but holds 24 bytes" in refusal(model)


def test_f44_weights_of_another_shape_are_refused(refusal, tmp_path: Path) -> None:
    settings = make_settings()
    kernel, bias = random_weights(settings)
    model = write_folder(tmp_path / "model", settings, [kernel[:-1], bias])
    assert "weight_0 has shape (20, 9, 3), settings.json asks for (21, 9, 3)" in refusal(model)
    assert "holds 3 arrays, settings.json asks for 2" in refusal(write_folder(model, settings, [kernel, bias, bias]))


def test_f44_settings_that_ask_for_a_network_that_fits_no_memory_are_refused_at_once(refusal, tmp_path: Path) -> None:
    small = random_weights(make_settings("bilstm"))
    model = write_folder(tmp_path / "model", make_settings("bilstm", model={"units": [10**8]}), small)
    assert "settings.json asks for" in refusal(model)
    model = write_folder(tmp_path / "model", make_settings("bilstm", model={"chunk_bins": 10**9}), small)
    assert "asks for windows of 9000000360 numbers" in refusal(model)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_f44_weights_that_are_no_numbers_are_refused(value: float, refusal, tmp_path: Path) -> None:
    kernel, bias = random_weights(make_settings())
    kernel[0, 0, 0] = value
    model = write_folder(tmp_path / "model", make_settings(), [kernel, bias])
    assert "weight_0.npy holds NaN or infinite weights" in refusal(model)


def test_f45_pickled_weights_are_refused_unopened(refusal, tmp_path: Path) -> None:
    marker = tmp_path / "executed"
    harm = np.array([Harm(marker)], dtype=object)
    model = write_folder(tmp_path / "model", make_settings(), packed({"weight_0.npy": npy(harm)}))
    assert "weight_0.npy holds object, where plain float32 is expected" in refusal(model)
    pickled = write_folder(tmp_path / "model", make_settings(), packed({"weight_0.npy": pickle.dumps(Harm(marker))}))
    assert "weights.npz: is damaged (the magic string is not correct" in refusal(pickled)
    assert not marker.exists()


@pytest.mark.parametrize("name", ["weights.npz", "weights.npy"])
def test_f45_an_array_file_in_the_place_of_a_folder_is_refused(name: str, refusal, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(npy(np.array([Harm(tmp_path / "executed")], dtype=object)))
    assert "is a file, and no such file is opened" in refusal(tmp_path / name)
    assert not (tmp_path / "executed").exists()


def test_f47_settings_cannot_name_files(refusal, folder: Path) -> None:
    assert "unknown key 'weights_file'" in refusal(change_settings(folder, weights_file="../../weights.npz"))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "cannot be read (Expecting value"),
        (b"\xff\xfe", "cannot be read ('utf-8' codec"),
        (b"[" * 100_000, "cannot be read (maximum recursion depth"),
        (b" " * 3_000_000, "larger than 2000000 bytes"),
        (b'{"format": "other"}', "is not the settings of a model"),
        (
            b'{"format": "nwb-spikeinference model", "format_version": 2}',
            "has format version '2', this program reads 1",
        ),
    ],
    ids=["empty", "no text", "deep", "large", "other", "later"],
)
def test_settings_that_are_none_are_refused(content: bytes, said: str, folder: Path) -> None:
    (folder / "settings.json").write_bytes(content)
    with pytest.raises(InputError) as caught:
        read_model_folder(folder)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"lfp_rate_hz": "fast"}, "lfp_rate_hz: input should be a valid number"),
        ({"intercepts": {"any": 0.0}}, "heads, intercepts and n_units must name excitatory, inhibitory, any"),
        ({"heads": list(reversed(HEADS))}, "heads, intercepts and n_units must name"),
        ({"bands": [{"name": "x", "low_hz": 8, "high_hz": 4}]}, "band 'x' must have 0 < low < high"),
        ({"features": []}, "asks for windows of 0 numbers"),
        ({"target": {"bin_ms": 2.5}}, "bin_ms must be a whole number of milliseconds"),
        ({"model": {"name": "gradient-boosting"}}, "a gradient-boosting model has no weights"),
    ],
)
def test_settings_that_contradict_are_refused(changes: dict[str, object], said: str, folder: Path) -> None:
    with pytest.raises(InputError) as caught:
        InferenceModel.load(change_settings(folder, **changes))
    assert said in str(caught.value)


def test_a_folder_around_a_model_is_told_from_one(folder: Path) -> None:
    with pytest.raises(InputError, match=r"holds no settings\.json; did you mean .*/model\?"):
        read_model_folder(folder.parent)
    shutil.rmtree(folder)
    with pytest.raises(InputError, match="no such folder; a model is the folder that 'nsi run' writes"):
        read_model_folder(folder)


def test_what_was_written_is_read_again(tmp_path: Path) -> None:
    settings = make_settings("bilstm")
    weights = random_weights(settings)
    saved = read_model_folder(write_folder(tmp_path / "model", settings, weights))
    assert saved.settings.model_copy(update={"weights_sha256": ""}) == settings
    for expected, found in zip(weights, saved.weights, strict=True):
        np.testing.assert_array_equal(found, expected)
