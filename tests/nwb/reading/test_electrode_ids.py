"""Contacts and units are rows of their tables: what the file calls them may repeat, and is read in every form."""

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from nwb_spikeinference.config import ContactNames, LayoutSettings, UnitElectrodeSettings
from nwb_spikeinference.errors import InputError
from nwb_spikeinference.nwb.reading.read_session import read_session

TABLE = "general/extracellular_ephys/electrodes"
BY_REGION = [(0, 3), (1, 3)]  # what the units of `bundle_file` refer to
Rows = list[tuple[int, ...]]


def set_ids(file: h5py.File, table: str, ids: Sequence[object]) -> None:
    attributes = dict(file[f"{table}/id"].attrs)
    del file[f"{table}/id"]
    file[table].create_dataset("id", data=ids).attrs.update(attributes)


@pytest.fixture
def link_by_id(bundle_file: Path) -> Callable[..., Path]:
    """Let the two units name electrodes by id only; groups LHIP and RAMY have rows 0, 1 and 2, 3."""

    def change(ids: Any, electrode_ids: Any, groups: Sequence[str] = (), **columns: Any) -> Path:
        with h5py.File(bundle_file, "a") as file:
            set_ids(file, TABLE, ids)
            del file["units/electrodes"], file["units/electrodes_index"]
            for name, values in {"electrode_id": electrode_ids, **columns}.items():
                file["units"].create_dataset(name, data=values)
            if groups:
                parent = file["general/extracellular_ephys"]
                references = [parent[group].ref if group else h5py.Reference() for group in groups]
                file["units"].create_dataset("electrode_group", data=references, dtype=h5py.ref_dtype)
        return bundle_file

    return change


def layout_of(column: str, names: ContactNames | None = None) -> LayoutSettings:
    return LayoutSettings(unit_electrode=UnitElectrodeSettings(column=column, names=names))


def rows_of(path: Path, layout: LayoutSettings | None = None) -> Rows:
    return [unit.electrode_rows for unit in read_session(path, layout=layout or LayoutSettings()).units]


def test_ids_that_repeat_link_no_unit_and_are_told_with_the_line_to_add(link_by_id: Callable[..., Path]) -> None:
    session = read_session(link_by_id([5, 6, 5, 6], [5, 6]))
    assert [unit.electrode_rows for unit in session.units] == [(), ()]
    assert session.advice == (
        "2 units are not linked: column electrode_id names electrodes by id (5, 6), which stands in several rows of "
        "their table; add to study.yaml: layout: {unit_electrode: {column: NAME, names: row}}, with a column of the "
        "units that holds rows",
    )
    assert session.advice[0] in session.notes


def test_ids_that_repeat_but_could_be_rows_are_told_so(link_by_id: Callable[..., Path]) -> None:
    path = link_by_id([0, 1, 0, 1], [1, 0])
    (advice,) = read_session(path).advice
    assert advice.endswith("; or, if these are no ids, layout: {unit_electrode: {column: electrode_id, names: row}}")
    assert rows_of(path) == [(), ()]
    assert rows_of(path, layout_of("electrode_id", "row")) == [(1,), (0,)]


def test_a_column_that_tells_more_than_repeated_ids_is_advised(link_by_id: Callable[..., Path]) -> None:
    path = link_by_id([5, 6, 5, 6], [5, 6], wire_name=[b"RAMY1", b"LHIP2"])
    (advice,) = read_session(path).advice
    assert advice.endswith("; add to study.yaml: layout: {unit_electrode: wire_name}")
    assert rows_of(path, layout_of("wire_name")) == [(2,), (1,)]


def test_ids_that_stand_once_link_beside_others_that_repeat(link_by_id: Callable[..., Path]) -> None:
    session = read_session(link_by_id([5, 6, 6, 7], [7, 6]))
    assert [unit.electrode_rows for unit in session.units] == [(3,), ()]
    assert any(note.startswith("1 units are not linked: column electrode_id") for note in session.notes)


def test_a_unit_with_one_repeated_id_among_several_is_not_linked(link_by_id: Callable[..., Path]) -> None:
    path = link_by_id([5, 6, 6, 7], [7, 6, 5], electrode_id_index=[2, 3])
    assert rows_of(path) == [(), (0,)]


def test_the_group_of_a_unit_tells_which_of_several_electrodes_is_meant(link_by_id: Callable[..., Path]) -> None:
    session = read_session(link_by_id([5, 6, 5, 6], [6, 6], ["RAMY", "LHIP"]))
    assert [unit.electrode_rows for unit in session.units] == [(3,), (1,)]
    assert session.advice == ()


def test_a_unit_without_a_group_is_linked_by_an_id_that_stands_once(link_by_id: Callable[..., Path]) -> None:
    assert rows_of(link_by_id([5, 6, 7, 8], [8, 6], ["", "LHIP"])) == [(3,), (1,)]


@pytest.mark.parametrize("ids", [[0, 0, 0, 0], [1, 2, 3, 4], [3, 2, 1, 0]])
def test_rows_of_regions_are_never_taken_for_ids(bundle_file: Path, ids: list[int]) -> None:
    with h5py.File(bundle_file, "a") as file:
        set_ids(file, TABLE, ids)
    session = read_session(bundle_file)
    assert [unit.electrode_rows for unit in session.units] == BY_REGION
    assert {block.electrode_rows for block in session.blocks} == {(0, 1, 2, 3)}
    assert (session.advice, [note for note in session.notes if "units" in note]) == ((), [])


@pytest.mark.parametrize(
    ("ids", "named"),
    [
        ([2**63 + 1, 2**63 + 2, 2**64 - 2, 2**64 - 1], np.array([2**64 - 1, 2**63 + 2], np.uint64)),
        ([2**53, 2**53 + 1, 2**53 + 2, 2**53 + 3], [2**53 + 3, 2**53 + 1]),
        ([-4, -3, -2, -1], [-1, -3]),
        ([40, 41, 42, 43], [43.0, 41.0]),
        ([40, 41, 42, 10**16], [1e16, 41.0]),
        ([40.0, 41.0, 42.0, 43.0], [43, 41]),
        ([40, 41, 42, 43], ["43", "41.0"]),
        ([b"40", b"41", b"42", b"43"], [43, 41]),
        (["A1", "A2", "B1", "B2"], ["B2", "A2"]),
    ],
)
def test_electrode_ids_are_read_in_every_form_and_size(
    link_by_id: Callable[..., Path], ids: list[object], named: object
) -> None:
    assert rows_of(link_by_id(ids, named)) == [(3,), (1,)]


def test_a_layout_that_names_repeated_ids_is_refused(link_by_id: Callable[..., Path]) -> None:
    path = link_by_id([0, 1, 0, 1], [1, 0])
    message = "holds 1, 0, the id of several electrodes each; name another column"
    with pytest.raises(InputError, match=re.escape(message)):
        read_session(path, layout=layout_of("electrode_id", "id"))


def test_repeated_ids_that_could_be_rows_are_not_taken_for_rows(link_by_id: Callable[..., Path]) -> None:
    path = link_by_id([0, 1, 0, 1], [1, 0])
    message = "could be the id or the row of electrodes, which are different contacts; say in study.yaml which: "
    with pytest.raises(InputError, match=re.escape(message)):
        read_session(path, layout=layout_of("electrode_id"))


def test_units_that_a_column_of_the_layout_does_not_tell_are_told(link_by_id: Callable[..., Path]) -> None:
    session = read_session(link_by_id([5, 6, 6, 7], [7, 6]), layout=layout_of("electrode_id"))
    assert [unit.electrode_rows for unit in session.units] == [(3,), ()]
    told = "1 units are not linked: column electrode_id names electrodes by id (6), which stands in several rows of"
    assert told in " ".join(session.notes)


def test_regions_that_hold_no_rows_are_told(bundle_file: Path) -> None:
    with h5py.File(bundle_file, "a") as file:
        del file["units/electrodes"]
        file["units"].create_dataset("electrodes", data=["LHIP1", "3", "1.5", "3"])
        electrodes = file["processing/ecephys/LFP/ElectricalSeriesLFP/electrodes"]
        attributes = dict(electrodes.attrs)
        del file["processing/ecephys/LFP/ElectricalSeriesLFP/electrodes"]
        made = file["processing/ecephys/LFP/ElectricalSeriesLFP"].create_dataset("electrodes", data=[0, 1.5, 2, 3])
        made.attrs.update(attributes)
    session = read_session(bundle_file)
    assert [unit.electrode_rows for unit in session.units] == [(3,), (3,)]
    assert "2 units name electrodes that the table does not have" in session.notes
    assert (
        "/processing/ecephys/LFP/ElectricalSeriesLFP left out: it names electrodes that the table of 4 does not have"
    ) in session.notes


@pytest.mark.parametrize("ids", [[7.0, 8.0], [b"7", b"8"], ["7", "8.0"], [7, 8]])
def test_unit_ids_are_read_in_every_form(bundle_file: Path, ids: list[object]) -> None:
    with h5py.File(bundle_file, "a") as file:
        set_ids(file, "units", ids)
    assert [unit.unit_id for unit in read_session(bundle_file).units] == [7, 8]


@pytest.mark.parametrize(("ids", "odd"), [([7.0, 8.5], "8.5"), (["7", "8a"], "8a"), ([7.0, np.nan], "nan")])
def test_a_unit_whose_id_is_no_whole_number_is_called_by_its_row(
    bundle_file: Path, ids: list[object], odd: str
) -> None:
    with h5py.File(bundle_file, "a") as file:
        set_ids(file, "units", ids)
    session = read_session(bundle_file)
    assert [unit.unit_id for unit in session.units] == [7, 1]
    assert f"1 units are called by their rows: their id is no whole number, as {odd}" in session.notes


def test_numbers_of_sorter_and_recorder_are_read_whole(bundle_file: Path) -> None:
    with h5py.File(bundle_file, "a") as file:
        for name in ("units/cluster_id", f"{TABLE}/channel"):
            n_rows = len(file[name])
            del file[name]
            file[name] = 2**53 + 1 + np.arange(n_rows)
    session = read_session(bundle_file)
    assert [unit.cluster_id for unit in session.units] == [2**53 + 1, 2**53 + 2]
    assert [one.channel for one in session.electrodes[:2]] == [2**53 + 1, 2**53 + 2]
