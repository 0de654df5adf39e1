"""Compressed samples read past HDF5, against what HDF5 reads."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np
import pytest

from nwb_spikeinference.errors import InputError
from nwb_spikeinference.nwb.storage.chunk_reader import ChunkReader

VALUES = np.random.default_rng(0).integers(-300, 300, (1000, 19)).astype(np.int16)


@pytest.fixture
def file(tmp_path: Path) -> Iterator[h5py.File]:
    with h5py.File(tmp_path / "a.h5", "w") as opened:
        yield opened


@pytest.mark.parametrize(("start", "stop"), [(0, 1000), (0, 0), (299, 300), (300, 600), (150, 951)])
@pytest.mark.parametrize("columns", [slice(None), slice(3, 4), slice(6, 17), slice(16, 19)], ids=str)
def test_any_stretch_is_what_hdf5_reads(start: int, stop: int, columns: slice, file: h5py.File) -> None:
    data = file.create_dataset("a", data=VALUES, chunks=(300, 8), compression="gzip", shuffle=True)
    assert ChunkReader.fits(data)
    np.testing.assert_array_equal(ChunkReader(data).read(start, stop, columns), VALUES[start:stop, columns])


@pytest.mark.parametrize(
    "stored",
    [
        {"chunks": (300, 8), "compression": "gzip"},
        {"chunks": (300, 8), "compression": "gzip", "shuffle": True, "fletcher32": True},
        {"chunks": (300, 8), "compression": "lzf", "shuffle": True},
        {"chunks": (300, 8)},
        {},
        {"chunks": (300, 8), "compression": "gzip", "shuffle": True, "dtype": "<i4"},
        {"chunks": (300, 8), "compression": "gzip", "shuffle": True, "dtype": ">i2"},
    ],
    ids=["no shuffle", "checksum", "lzf", "plain", "contiguous", "int32", "big endian"],
)
def test_other_storage_is_left_to_hdf5(stored: dict[str, object], file: h5py.File) -> None:
    assert not ChunkReader.fits(file.create_dataset("a", data=VALUES, **stored))


def test_chunks_that_were_never_written_hold_the_fill_value(file: h5py.File) -> None:
    data = file.create_dataset("a", (1000, 8), "<i2", chunks=(300, 8), compression="gzip", shuffle=True, fillvalue=-7)
    data[:300] = VALUES[:300, :8]
    found = ChunkReader(data).read(0, 1000, slice(None))
    np.testing.assert_array_equal(found[:300], VALUES[:300, :8])
    assert (found[300:] == -7).all()


def test_a_chunk_that_skipped_its_filters_is_read(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "b.h5", "w") as file:
        data = file.create_dataset("a", (600, 8), "<i2", chunks=(300, 8), compression="gzip", shuffle=True)
        data.id.write_direct_chunk((300, 0), np.ascontiguousarray(VALUES[:300, :8]).tobytes(), filter_mask=3)
    with h5py.File(tmp_path / "b.h5") as file:
        np.testing.assert_array_equal(ChunkReader(file["a"]).read(300, 600, slice(None)), VALUES[:300, :8])


def test_a_damaged_chunk_is_refused_with_its_place(file: h5py.File) -> None:
    data = file.create_dataset("a", data=VALUES, chunks=(300, 8), compression="gzip", shuffle=True)
    _, packed = data.id.read_direct_chunk((300, 8))
    data.id.write_direct_chunk((300, 8), packed[:-20] + bytes(20))
    with pytest.raises(InputError, match="/a at sample 300, column 8: damaged chunk"):
        ChunkReader(data).read(0, 1000, slice(None))


IN_THREADS = """
import sys
from concurrent.futures import ThreadPoolExecutor
import h5py, numpy as np
from nwb_spikeinference.nwb.storage.chunk_reader import ChunkReader

def read(name):
    whole = True
    for _ in range(15):
        whole &= np.array_equal(ChunkReader(file[name]).read(0, 60000, slice(None)), values)
    return whole

with h5py.File(sys.argv[1], "w") as file:
    values = np.random.default_rng(0).integers(-99, 99, (60000, 2)).astype(np.int16)
    for name in "abcd":
        file.create_dataset(name, data=values, chunks=(200, 2), compression="gzip", compression_opts=1, shuffle=True)
    with ThreadPoolExecutor(4) as pool:
        print(all(pool.map(read, "abcd")))
"""


def test_several_threads_read_one_file(tmp_path: Path) -> None:
    """In a process of its own: without the lock, HDF5 crashes it."""
    done = subprocess.run(
        [sys.executable, "-c", IN_THREADS, tmp_path / "a.h5"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout.strip()) == (0, "True"), done.stderr[-500:]
