"""Variables of MATLAB files of any version."""

import struct
import zlib
from pathlib import Path

import h5py
import numpy as np
import pytest
from scipy.io import loadmat, savemat

from nwb_spikeinference.errors import InputError
from nwb_spikeinference_converters.units.mat_files import read_mat, scalar
from tests.converters.sorter_files import WRITERS, write_mat

CONTENT = {
    "matrix": np.arange(6.0).reshape(2, 3),
    "empty": np.zeros((0, 2)),
    "par": {"sr": 24000.0, "name": "neg"},
    "text": "neg",
}


@pytest.fixture(params=WRITERS)
def mat_file(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return write_mat(tmp_path / "x.mat", CONTENT, request.param)


def test_rows_come_first(mat_file: Path) -> None:
    assert read_mat(mat_file, ["matrix"])["matrix"].tolist() == [[0, 1, 2], [3, 4, 5]]


def test_fields_of_a_struct_are_read(mat_file: Path) -> None:
    assert scalar(read_mat(mat_file, ["par.sr"]), "par.sr") == 24000


def test_what_is_missing_is_left_out(mat_file: Path) -> None:
    assert read_mat(mat_file, ["par.x", "matrix.sr", "nothing", "nothing.sr"]) == {}


def test_empty_arrays_are_empty(mat_file: Path) -> None:
    assert read_mat(mat_file, ["empty"])["empty"].size == 0


@pytest.mark.parametrize("name", ["text", "par.name", "par"])
def test_what_is_no_number_is_refused(mat_file: Path, name: str) -> None:
    with pytest.raises(InputError, match=rf"x\.mat: (variable )?'{name}' must (be numeric|hold numbers)"):
        read_mat(mat_file, [name])


@pytest.mark.parametrize("share", [0.0, 0.05, 0.5, 0.9])
def test_truncated_files_are_refused(mat_file: Path, share: float) -> None:
    content = mat_file.read_bytes()
    mat_file.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(InputError, match=r"x\.mat: cannot be read as a MATLAB file"):
        read_mat(mat_file, ["matrix", "empty", "par.sr"])


def test_a_flipped_byte_gives_numbers_or_an_input_error(mat_file: Path) -> None:
    content = mat_file.read_bytes()
    rng = np.random.default_rng(7)
    for place in rng.integers(0, len(content), 150):
        damaged = bytearray(content)
        damaged[place] ^= int(rng.integers(1, 256))
        mat_file.write_bytes(damaged)
        try:
            found = read_mat(mat_file, ["matrix", "empty", "par.sr"])
        except InputError:
            continue
        assert all(values.dtype.kind in "iuf" for values in found.values())


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("kind", ["f8", "f4", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "bool"])
def test_numbers_of_every_type_are_those_that_scipy_reads(tmp_path: Path, kind: str, compressed: bool) -> None:
    values = np.random.default_rng(1).integers(0, 100, (3, 4, 2)).astype(kind)
    savemat(tmp_path / "x.mat", {"other": "text", "x": values}, do_compression=compressed)
    found, expected = read_mat(tmp_path / "x.mat", ["x"])["x"], loadmat(tmp_path / "x.mat")["x"]
    np.testing.assert_array_equal(found, expected)
    assert found.dtype == expected.dtype


def test_a_real_file_reads_as_scipy_reads_it(shared_data: Path) -> None:
    path = shared_data / "blackrock" / "spec_2_1" / "l101210-001.mat"
    expected = loadmat(path)
    for name, values in read_mat(path, ["el", "un", "ts", "lfp"]).items():
        np.testing.assert_array_equal(values, expected[name])


def test_files_of_big_endian_machines_are_read(tmp_path: Path) -> None:
    flags = struct.pack(">4I", 6, 8, 6, 0)
    size = struct.pack(">2I2i", 5, 8, 1, 2)
    content = flags + size + struct.pack(">HH4s", 1, 1, b"x") + struct.pack(">2I2h4x", 3, 4, -2, 300)
    header = b"MATLAB 5.0 MAT-file".ljust(124) + b"\x01\x00MI"
    (tmp_path / "x.mat").write_bytes(header + struct.pack(">2I", 14, len(content)) + content)
    assert read_mat(tmp_path / "x.mat", ["x"])["x"].tolist() == [[-2.0, 300.0]]


def test_a_complex_flag_by_damage_is_refused(tmp_path: Path) -> None:
    savemat(tmp_path / "x.mat", {"x": np.eye(2)})
    content = bytearray((tmp_path / "x.mat").read_bytes())
    content[145] |= 0x08  # what ends the process where scipy reads it
    (tmp_path / "x.mat").write_bytes(content)
    with pytest.raises(InputError, match="variable 'x' must be numeric"):
        read_mat(tmp_path / "x.mat", ["x"])


def test_a_compressed_variable_that_claims_gigabytes_is_refused(tmp_path: Path) -> None:
    savemat(tmp_path / "x.mat", {"x": np.eye(2)})
    inner = bytearray((tmp_path / "x.mat").read_bytes()[128:])
    inner[4:8] = struct.pack("<I", 4_000_000_000)
    packed = zlib.compress(bytes(inner))
    header = b"MATLAB 5.0 MAT-file".ljust(124) + b"\x00\x01IM"
    (tmp_path / "x.mat").write_bytes(header + struct.pack("<2I", 15, len(packed)) + packed)
    with pytest.raises(InputError, match="a variable claims 4000 MB"):
        read_mat(tmp_path / "x.mat", ["x"])


def test_version_4_is_named(tmp_path: Path) -> None:
    savemat(tmp_path / "x.mat", {"x": np.eye(2)}, format="4")
    with pytest.raises(InputError, match=r"not of version 5 to 7\.3; save it again with -v7"):
        read_mat(tmp_path / "x.mat", ["x"])


def test_a_variable_that_claims_terabytes_is_refused(tmp_path: Path) -> None:
    path = write_mat(tmp_path / "x.mat", {}, "v7.3")
    with h5py.File(path, "r+") as file:
        file.create_dataset("matrix", shape=(2, 10**12), chunks=(2, 1000), dtype=np.float64)
    with pytest.raises(InputError, match="/matrix claims 16000000 MB"):
        read_mat(path, ["matrix"])
