"""Packed chunks, as HDF5 and zlib read them."""

import zlib
from pathlib import Path

import h5py
import numpy as np
import pytest

from nwb_spikeinference.errors import InputError
from nwb_spikeinference.nwb.storage.chunk_codec import pack_row, unpack_row

LENGTH = 3000
RNG = np.random.default_rng(0)
NOISE = RNG.normal(0, 300, (LENGTH, 8)).astype(np.int16)
SIGNALS = {
    "noise": NOISE,
    "quiet": RNG.integers(-3, 4, NOISE.shape).astype(np.int16),
    "constant": np.full(NOISE.shape, -7, np.int16),
    "extremes": RNG.choice(np.array([-32768, 32767], np.int16), NOISE.shape),
    "every value": RNG.integers(-32768, 32768, NOISE.shape).astype(np.int16),
    "volts": RNG.normal(0, 1e-4, (LENGTH, 24)).astype(np.float32),
    "volts and nan": np.where(RNG.uniform(size=NOISE.shape) < 0.1, np.nan, 1e-5),
    "three columns": NOISE[:, :3],
    "many columns": RNG.normal(0, 300, (LENGTH, 29)).astype(np.int16),
    "every second column": RNG.normal(0, 300, (LENGTH, 36)).astype(np.int16)[:, ::2],
    "end of a recording": RNG.normal(0, 300, (1234, 17)).astype(np.int16),
    "one sample": NOISE[:1, :1],
    "half quiet": np.concatenate([NOISE, NOISE // 500], axis=1),
}


def chunk_of(values: np.ndarray) -> tuple[int, int]:
    return LENGTH, min(8, values.shape[1])


def pack_one(values: np.ndarray) -> bytes:
    """A row of one chunk."""
    (packed,) = pack_row(values, chunk_of(values))
    return packed


@pytest.mark.parametrize("name", SIGNALS)
def test_hdf5_reads_what_was_packed(name: str, tmp_path: Path) -> None:
    values = SIGNALS[name]
    maxshape = (LENGTH, values.shape[1])
    with h5py.File(tmp_path / "a.h5", "w") as file:
        dataset = file.create_dataset("a", values.shape, values.dtype, maxshape=maxshape, chunks=chunk_of(values),
                                      compression="gzip", shuffle=True)  # fmt: skip
        for number, packed in enumerate(pack_row(values, chunk_of(values))):
            dataset.id.write_direct_chunk((0, 8 * number), packed)
    with h5py.File(tmp_path / "a.h5") as file:
        np.testing.assert_array_equal(file["a"][()], values)


@pytest.mark.parametrize("name", SIGNALS)
def test_packed_chunks_inflate_to_what_hdf5_shuffles(name: str, tmp_path: Path) -> None:
    values = SIGNALS[name]
    maxshape = (LENGTH, values.shape[1])
    packed = pack_row(values, chunk_of(values))
    with h5py.File(tmp_path / "a.h5", "w") as file:
        dataset = file.create_dataset("a", data=values, maxshape=maxshape, chunks=chunk_of(values), compression="gzip",
                                      shuffle=True)  # fmt: skip
        by_hdf5 = [dataset.id.read_direct_chunk((0, 8 * number))[1] for number in range(len(packed))]
    assert list(map(zlib.decompress, packed)) == list(map(zlib.decompress, by_hdf5))


@pytest.mark.parametrize("name", SIGNALS)
def test_unpacking_gives_the_values_back(name: str) -> None:
    values = SIGNALS[name]
    held = unpack_row(pack_row(values, chunk_of(values)), chunk_of(values), values.dtype)
    np.testing.assert_array_equal(held[: values.shape[0], : values.shape[1]], values)


def test_the_low_bytes_of_noise_cost_no_more_than_themselves() -> None:
    high_bytes = len(zlib.compress((NOISE >> 8).astype(np.int8).tobytes(), 1))
    assert len(pack_one(NOISE)) < NOISE.size + 1.1 * high_bytes + 50


@pytest.mark.parametrize("name", ["quiet", "constant"])
def test_small_numbers_shrink_as_much_as_hdf5_shrinks_them(name: str) -> None:
    shuffled = SIGNALS[name].view(np.uint8).reshape(-1, 2).T.tobytes()
    assert len(pack_one(SIGNALS[name])) < 1.1 * len(zlib.compress(shuffled, 4)) + 100


def test_a_quiet_bundle_shrinks_beside_a_noisy_one() -> None:
    noisy, quiet = pack_row(SIGNALS["half quiet"], (LENGTH, 8))
    assert len(quiet) < 0.5 * len(noisy)


@pytest.mark.parametrize("place", [0, 3, 5, 1000, 24_100, 25_000, -3, -1])
def test_a_flipped_bit_is_never_read_as_a_number(place: int, tmp_path: Path) -> None:
    damaged = bytearray(pack_one(NOISE))
    damaged[place] ^= 0x10
    with pytest.raises(InputError, match="damaged chunk"):
        unpack_row([bytes(damaged)], (LENGTH, 8), np.int16)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        dataset = file.create_dataset("a", NOISE.shape, np.int16, chunks=NOISE.shape, compression="gzip", shuffle=True)
        dataset.id.write_direct_chunk((0, 0), bytes(damaged))
        with pytest.raises(OSError, match=r"inflate|filter"):
            dataset[()]


def test_a_chunk_of_another_size_is_refused() -> None:
    with pytest.raises(InputError, match=r"damaged chunk \(it holds 48000 bytes, not 24000\)"):
        unpack_row([pack_one(NOISE)], (1500, 8), np.int16)
