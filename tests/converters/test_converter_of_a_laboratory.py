"""The converter that CONTRIBUTING.md shows, in a package of its own."""

import json
import re
from collections.abc import Callable
from functools import partial
from importlib import import_module
from pathlib import Path

import h5py
import numpy as np
import pytest

from nwb_spikeinference.errors import InputError
from nwb_spikeinference_converters.protocol import RawBlock
from nwb_spikeinference_converters.sessions.convert_session import convert_session

GUIDE = Path(__file__).parents[2] / "CONTRIBUTING.md"


@pytest.fixture
def installed_guide(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The guide's module and entry point, as pip would install them."""
    guide = GUIDE.read_text(encoding="utf-8")
    blocks = dict(re.findall(r"```(python|toml)\n(.*?)```", guide, flags=re.DOTALL))
    ((group, name, target),) = re.findall(r'entry-points\."(.+?)"\]\n(\w+) = "(.+?)"', blocks["toml"])
    module = tmp_path / "site" / (target.split(":")[0].replace(".", "/") + ".py")
    module.parent.mkdir(parents=True)
    module.write_text(blocks["python"], encoding="utf-8")
    info = tmp_path / "site" / "mylab-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: mylab\nVersion: 1.0\n", encoding="utf-8")
    (info / "entry_points.txt").write_text(f"[{group}]\n{name} = {target}\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path / "site")


@pytest.fixture
def session(edited_session: Callable[..., Path], simulated_session: Path) -> Path:
    """The simulated session, its raw signal in a .npy file."""
    path = edited_session(recordings=[{"format": "numpy", "file": "raw.npy"}], events=[])
    np.save(path.with_name("raw.npy"), read_blackrock(simulated_session.with_name("raw.ns6")))
    header = {"rate_hz": 30000, "volts_per_step": 2.5e-7, "channels": list(range(1, 9))}
    path.with_name("raw.json").write_text(json.dumps(header), encoding="utf-8")
    return path


def read_blackrock(path: Path) -> np.ndarray:
    """Samples of the simulated file of 8 channels."""
    return np.frombuffer(path.read_bytes(), dtype="<i2", offset=314 + 8 * 66 + 9).reshape(-1, 8)


@pytest.mark.usefixtures("installed_guide")
def test_the_guides_converter_converts_a_session(session: Path, tmp_path: Path) -> None:
    report = convert_session(session, tmp_path / "nwb")
    with h5py.File(report.path) as file:
        data = file["acquisition/ElectricalSeriesRaw/data"]
        np.testing.assert_array_equal(data[()], np.load(session.with_name("raw.npy")))
        assert data.attrs["conversion"] == pytest.approx(2.5e-7)


@pytest.mark.usefixtures("installed_guide")
def test_the_guides_converter_refuses_a_missing_header(session: Path, tmp_path: Path) -> None:
    session.with_name("raw.json").unlink()
    with pytest.raises(InputError, match=r"raw\.npy: damaged, or its \.json is missing"):
        convert_session(session, tmp_path / "nwb")


@pytest.mark.usefixtures("installed_guide")
@pytest.mark.parametrize("header", ["[]", '{"rate_hz": null, "volts_per_step": 2.5e-7, "channels": [1]}'])
def test_the_guides_converter_refuses_a_damaged_header(session: Path, tmp_path: Path, header: str) -> None:
    session.with_name("raw.json").write_text(header, encoding="utf-8")
    with pytest.raises(InputError, match=r"raw\.npy: damaged, or its \.json is missing"):
        convert_session(session, tmp_path / "nwb")


@pytest.mark.usefixtures("installed_guide")
@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"rate_hz": 0}, "is sampled at 0.0 Hz, as its converter reads it"),
        ({"rate_hz": float("inf")}, "is sampled at inf Hz"),
        ({"channels": [1, 2, 3, 4, 5, 6, 7, 7]}, "channel 7 occurs 2 times"),
    ],
)
def test_what_no_recording_can_be_is_refused_for_a_converter(
    session: Path, tmp_path: Path, changes: dict[str, object], said: str
) -> None:
    header = session.with_name("raw.json")
    header.write_text(json.dumps(json.loads(header.read_text(encoding="utf-8")) | changes), encoding="utf-8")
    with pytest.raises(InputError, match=said):
        convert_session(session, tmp_path / "nwb")


@pytest.mark.usefixtures("installed_guide")
def test_a_recording_without_samples_is_refused_for_a_converter(session: Path, tmp_path: Path) -> None:
    np.save(session.with_name("raw.npy"), np.zeros((0, 8), np.int16))
    with pytest.raises(InputError, match="holds no samples"):
        convert_session(session, tmp_path / "nwb")


@pytest.mark.usefixtures("installed_guide")
def test_a_block_measured_at_no_rate_is_refused_for_a_converter(
    session: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_module("mylab.numpy_files"), "RawBlock", partial(RawBlock, rate_hz=0.0))
    with pytest.raises(InputError, match=r"is sampled at 0\.0 Hz, as its converter reads it; a rate is above 0 Hz"):
        convert_session(session, tmp_path / "nwb")
