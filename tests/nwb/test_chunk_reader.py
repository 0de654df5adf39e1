"""Compressed samples read past HDF5, against what HDF5 reads."""

from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np
import pytest

from nwb_spikeinference.errors import InputError
from nwb_spikeinference.nwb.chunk_reader import ChunkReader

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
