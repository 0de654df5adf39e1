"""Files that are damaged, or made to do harm; numbers as in the list of faults."""

import ast
import re
import resource
import subprocess
import sys
from pathlib import Path

import h5py
import pytest

from nwb_spikeinference.errors import InputError
from nwb_spikeinference.nwb.reading.read_session import read_session
from tests.nwb.conftest import read_all


def test_f22_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        read_session(tmp_path / "nowhere.nwb")


def test_f22_empty_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty.nwb").touch()
    with pytest.raises(InputError, match="is empty"):
        read_session(tmp_path / "empty.nwb")


def test_f22_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text.nwb").write_text("not a recording")
    with pytest.raises(InputError, match="is not an HDF5 file"):
        read_session(tmp_path / "text.nwb")


def test_f22_hdf5_that_is_no_nwb_is_refused(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "other.nwb", "w") as file:
        file["numbers"] = [1, 2]
    with pytest.raises(InputError, match="is HDF5 but not NWB"):
        read_session(tmp_path / "other.nwb")


@pytest.mark.parametrize("share", [0.999, 0.5, 0.05])
def test_f21_truncated_file_is_refused(bundle_file: Path, share: float) -> None:
    content = bundle_file.read_bytes()
    bundle_file.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(InputError, match="is truncated"):
        read_session(bundle_file)


def test_f25_external_link_is_refused(bundle_file: Path) -> None:
    with h5py.File(bundle_file, "a") as file:
        file["acquisition/elsewhere"] = h5py.ExternalLink("/etc/other.nwb", "/data")
    with pytest.raises(InputError, match="/acquisition/elsewhere is a link to another file"):
        read_session(bundle_file)


def test_f25_external_storage_is_refused(bundle_file: Path) -> None:
    with h5py.File(bundle_file, "a") as file:
        file["acquisition"].create_dataset("secret", (4,), "u1", external=[("/etc/hostname", 0, 4)])
    with pytest.raises(InputError, match="/acquisition/secret keeps its values in another file"):
        read_session(bundle_file)


def test_f25_virtual_dataset_is_refused(bundle_file: Path) -> None:
    layout = h5py.VirtualLayout(shape=(4,), dtype="i4")
    layout[:] = h5py.VirtualSource("other.h5", "data", shape=(4,))
    with h5py.File(bundle_file, "a") as file:
        file["acquisition"].create_virtual_dataset("joined", layout)
    with pytest.raises(InputError, match="/acquisition/joined keeps its values in another file"):
        read_session(bundle_file)


def test_f25_link_loop_is_refused(bundle_file: Path) -> None:
    with h5py.File(bundle_file, "a") as file:
        file["acquisition/a"] = h5py.SoftLink("/acquisition/b")
        file["acquisition/b"] = h5py.SoftLink("/acquisition/a")
    with pytest.raises(InputError, match="/acquisition/a is a link that leads nowhere or to itself"):
        read_session(bundle_file)


def test_f26_claimed_terabytes_are_refused_within_bounded_memory(bundle_file: Path) -> None:
    with h5py.File(bundle_file, "a") as file:
        series = file["acquisition/ElectricalSeriesRaw"]
        attributes = dict(series["data"].attrs)
        del series["data"]
        series.create_dataset("data", (10**12, 4), "i2", chunks=(30000, 4)).attrs.update(attributes)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(InputError, match="claims 8000000 MB but holds 0 bytes"):
        read_session(bundle_file)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000


def test_f27_chunk_of_a_gigabyte_is_refused_within_bounded_memory(bundle_file: Path) -> None:
    with h5py.File(bundle_file, "a") as file:
        del file["units/spike_times"]
        file["units"].create_dataset("spike_times", (7,), "f8", chunks=(1 << 27,), maxshape=(None,), compression="gzip")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(InputError, match=re.escape("has chunks (134217728,) above 256 MiB")):
        read_session(bundle_file)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000  # kB


def test_flipped_byte_in_the_signal_raises(bundle_file: Path) -> None:
    with h5py.File(bundle_file, "r") as file:
        chunk = file["acquisition/ElectricalSeriesRaw/data"].id.get_chunk_info(0)
    content = bytearray(bundle_file.read_bytes())
    content[chunk.byte_offset + chunk.size // 2] ^= 1
    bundle_file.write_bytes(content)
    with pytest.raises(InputError, match="ElectricalSeriesRaw is damaged between samples 0 and 60000"):
        read_all(bundle_file)


FUZZ = """
import sys
from pathlib import Path
import h5py
import numpy as np
from nwb_spikeinference.errors import InputError
from nwb_spikeinference.nwb.reading.read_session import open_signals, read_session

def read_raw(path):
    (block,) = [block for block in read_session(path).blocks if block.kind == "raw"]
    with open_signals(path) as open_block:
        return np.asarray(open_block(block).data[:])

path = Path(sys.argv[1])
with h5py.File(path) as file:
    data = file["acquisition/ElectricalSeriesRaw/data"]
    chunks = [data.id.get_chunk_info(k) for k in range(data.id.get_num_chunks())]
whole, random, outcomes = path.read_bytes(), np.random.default_rng(23), []
stored = read_raw(path)
for number in range(500):
    damaged = bytearray(whole)
    in_signal = number % 10 == 0  # else where the structure of the file is
    chunk = chunks[number % len(chunks)]
    at = chunk.byte_offset + random.integers(chunk.size) if in_signal else random.integers(20_000)
    damaged[at] ^= 1 << int(random.integers(8))
    path.write_bytes(damaged)
    try:
        if in_signal:
            outcomes.append("equal signal" if np.array_equal(read_raw(path), stored) else "other signal")
        else:
            read_session(path)
            outcomes.append("read")
    except InputError:
        outcomes.append("refused signal" if in_signal else "refused")
print({one: outcomes.count(one) for one in sorted(set(outcomes))})
"""


@pytest.mark.slow
def test_f23_500_files_with_a_flipped_bit_are_read_as_they_are_or_refused(bundle_file: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FUZZ, str(bundle_file)], capture_output=True, text=True, timeout=180, check=False
    )
    assert done.returncode == 0, done.stderr
    outcomes = ast.literal_eval(done.stdout)
    assert sum(outcomes.values()) == 500
    assert "other signal" not in outcomes
    assert outcomes["refused signal"] > 40  # the last bits of a stream may mean nothing
    assert outcomes["refused"] > 10
