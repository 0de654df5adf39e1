"""The proof that a copy holds what the original holds."""

from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from nwb_spikeinference.errors import InputError
from nwb_spikeinference.nwb.copies.copy_file import copy_without, require_copied

CHANGES: dict[str, Callable[[h5py.File], object]] = {
    "/chunked": lambda file: _change(file, "chunked", (7, 3), 99),
    "/plain": lambda file: _change(file, "plain", 2, 99.0),
    "/group/texts": lambda file: _change(file, "group/texts", 1, "other"),
    "/group": lambda file: file["group"].attrs.modify("about", "something else"),
    "/reference": lambda file: _change(file, "reference", (), file["plain"].ref),
    "/missing": lambda file: file.__delitem__("missing"),
}


def _change(file: h5py.File, name: str, where: object, value: object) -> None:
    file[name][where] = value


@pytest.fixture
def original(tmp_path: Path) -> Path:
    path = tmp_path / "original.h5"
    with h5py.File(path, "w") as file:
        numbers = np.arange(80).reshape(20, 4)
        file.create_dataset("chunked", data=numbers, chunks=(5, 4), compression="gzip", shuffle=True)
        sparse = file.create_dataset("sparse", (20,), "i4", chunks=(5,), compression="gzip")
        sparse[6] = 1  # one of four chunks is there
        file["plain"] = np.arange(5.0)
        file["group/texts"] = ["one", "two"]
        file["group"].attrs["about"] = "texts"
        file["reference"] = file["group"].ref
        file["missing"] = 1
    return path


@pytest.fixture
def copy(original: Path, tmp_path: Path) -> Path:
    path = tmp_path / "copy.h5"
    with h5py.File(original) as source, h5py.File(path, "w") as target:
        copy_without(source, target, ())
    return path


def compare(original: Path, copy: Path) -> None:
    with h5py.File(original) as one, h5py.File(copy) as other:
        require_copied(one, other, ())


def test_copy_is_the_same(original: Path, copy: Path) -> None:
    compare(original, copy)


@pytest.mark.parametrize("name", CHANGES)
def test_any_change_of_the_copy_is_found(original: Path, copy: Path, name: str) -> None:
    with h5py.File(copy, "r+") as file:
        CHANGES[name](file)
    with pytest.raises(InputError, match=f": {name} was not copied unchanged; check the disk and run again"):
        compare(original, copy)


def test_chunk_that_the_original_does_not_have_is_found(original: Path, copy: Path) -> None:
    with h5py.File(copy, "r+") as file:
        file["sparse"][19] = 5
    with pytest.raises(InputError, match=": /sparse was not copied unchanged"):
        compare(original, copy)


def test_equal_values_in_other_chunks_are_the_same(original: Path, copy: Path) -> None:
    with h5py.File(copy, "r+") as file:
        values = file["chunked"][()]
        del file["chunked"]
        file.create_dataset("chunked", data=values, chunks=(20, 1), compression="gzip")
    compare(original, copy)
