"""Signals that are packed ahead of the one who writes them."""

import threading
from collections.abc import Iterable, Iterator
from pathlib import Path

import h5py
import numpy as np
import pytest

from nwb_spikeinference.errors import InputError
from nwb_spikeinference.nwb.storage.chunks import Packer, Slot

STEPS = np.random.default_rng(3).integers(-500, 500, (70_000, 19)).astype(np.int16)


def write(folder: Path, slot: Slot, pieces: Iterable[np.ndarray]) -> np.ndarray:
    """Pack pieces into a file, and read it."""
    with h5py.File(folder / "a.h5", "w") as file, Packer([slot], lambda packer: drain(packer.pack(slot, pieces))) as it:
        slot.data.dataset = file.create_dataset(
            "a", slot.shape, slot.dtype, chunks=slot.chunk, compression="gzip", shuffle=True
        )
        it.write()
    with h5py.File(folder / "a.h5") as file:
        held: np.ndarray = file["a"][()]
    return held


def drain(pieces: Iterable[np.ndarray]) -> None:
    for _ in pieces:
        pass


@pytest.mark.parametrize("cuts", [[], [30_000, 60_000], [7, 8, 130, 65_000], range(0, 70_000, 3500)], ids=len)
def test_pieces_of_any_length_fill_a_dataset(cuts: list[int], tmp_path: Path) -> None:
    held = write(tmp_path, Slot("a", *STEPS.shape, np.int16), np.split(STEPS, cuts))
    np.testing.assert_array_equal(held, STEPS)


@pytest.mark.parametrize("shape", [(1, 1), (30_000, 8), (30_001, 9), (100, 3)])
def test_a_dataset_of_any_shape_is_filled(shape: tuple[int, int], tmp_path: Path) -> None:
    part = STEPS[: shape[0], : shape[1]]
    np.testing.assert_array_equal(write(tmp_path, Slot("a", *shape, np.int16), [part]), part)


@pytest.mark.parametrize("given", [99, 101])
def test_a_source_of_another_length_is_refused(given: int, tmp_path: Path) -> None:
    match = "raw: the source gave 99 samples, 100 were announced" if given < 100 else "raw: the source gave more than"
    with pytest.raises(InputError, match=match):
        write(tmp_path, Slot("raw", 100, 3, np.int16), [STEPS[:given, :3]])


def test_a_source_of_another_type_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="raw: the source gave 3 channels of float64, 3 of int16 were announced"):
        write(tmp_path, Slot("raw", 100, 3, np.int16), [np.zeros((100, 3))])


def test_what_is_packed_is_passed_on(tmp_path: Path) -> None:
    seen = []

    def produce(packer: Packer) -> None:
        seen.extend(packer.pack(slot, [STEPS[:60, :3], STEPS[60:100, :3]]))

    slot = Slot("raw", 100, 3, np.int16)
    with Packer([slot], produce):
        pass
    assert [len(piece) for piece in seen] in ([], [60], [60, 40])


def test_a_bounded_part_of_a_recording_is_held_in_memory() -> None:
    n_read = 0
    waiting = threading.Event()

    def read() -> Iterator[np.ndarray]:
        nonlocal n_read
        for _ in range(1000):
            n_read += 1
            yield np.broadcast_to(np.int16(1), (30_000, 64))
        waiting.set()

    slot = Slot("raw", 30_000_000, 64, np.int16)
    with Packer([slot], lambda packer: drain(packer.pack(slot, read()))):
        assert not waiting.wait(0.5)
    assert 2 <= n_read * slot.row_bytes / 1e6 < 60


def test_leaving_early_ends_the_reading() -> None:
    slot = Slot("raw", 30_000_000, 64, np.int16)
    endless = (np.broadcast_to(np.int16(1), (30_000, 64)) for _ in range(1000))
    with (
        pytest.raises(KeyError, match="disk full"),
        Packer([slot], lambda packer: drain(packer.pack(slot, endless))),
    ):
        raise KeyError("disk full")
    assert not [thread.name for thread in threading.enumerate() if thread.name.startswith(("pack", "produce"))]
