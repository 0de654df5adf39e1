"""A unit is known by its row: the numbers that files call units by may repeat, and be of any size."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pynwb
import pytest

from nwb_spikeinference.files import sha256_file
from nwb_spikeinference.nwb.reading.read_session import read_session
from nwb_spikeinference.nwb.results.cohort_writer import write_cohort
from nwb_spikeinference.nwb.results.result_records import CohortResults, ResultTables, SessionResults
from nwb_spikeinference.nwb.results.results_writer import write_results_copy
from nwb_spikeinference.nwb.results.verify_file import compare_tables

MODULE = "processing/spike_inference"
LARGE = [(-3, 2**31), (2**53 + 1, 2**62 + 1), (2**63 + 1, 2**64 - 1)]
Written = tuple[Path, SessionResults]


@pytest.fixture
def write_called(bundle_file: Path, results: SessionResults, tmp_path: Path) -> Callable[..., Written]:
    """Write results of two units with the ids and ROC-AUC given."""

    def write(ids: Sequence[int], roc_auc: tuple[float, float] = (0.61, 0.52)) -> Written:
        with h5py.File(bundle_file, "a") as file:
            attributes = dict(file["units/id"].attrs)
            del file["units/id"]
            file["units"].create_dataset("id", data=np.array(ids)).attrs.update(attributes)
        units = tuple(
            unit.model_copy(update={"unit_id": unit_id, "roc_auc": auc})
            for unit, unit_id, auc in zip(results.tables.units, ids, roc_auc, strict=True)
        )
        tables = replace(results.tables, units=units)
        written = replace(results, tables=tables, source_sha256=sha256_file(bundle_file))
        write_results_copy(bundle_file, tmp_path / "copy.nwb", written, overwrite=False)
        return tmp_path / "copy.nwb", written

    return write


def make_cohort(path: Path, ids: Sequence[int], results: SessionResults) -> tuple[Path, ResultTables]:
    """The file of all participants, with two units of the ids given."""
    pairs = zip(results.tables.units, ids, strict=True)
    units = tuple(unit.model_copy(update={"unit_id": unit_id}) for unit, unit_id in pairs)
    tables = replace(results.tables, units=units)
    write_cohort(path, CohortResults(study="two", started="2000-01-01T00:00:00Z", models=results.models, tables=tables))
    return path, tables


def test_units_of_one_id_keep_each_its_own_trace(write_called: Callable[..., Written]) -> None:
    path, results = write_called((7, 7))
    with h5py.File(path) as file:
        series = file[f"{MODULE}/spike_probability"]
        traces = dict(zip(series["units"][()].tolist(), series["data"][()].T, strict=True))
    np.testing.assert_array_equal(traces[1], results.main.probabilities[:, 0])
    np.testing.assert_array_equal(traces[0], results.main.probabilities[:, 1])


def test_units_of_one_id_keep_each_its_own_score(write_called: Callable[..., Written]) -> None:
    path, _ = write_called((7, 7), (0.61, 0.52))
    with pynwb.NWBHDF5IO(str(path), "r", load_namespaces=True) as io:
        table = io.read().processing["spike_inference"]["unit_metrics"]
        columns = (table["unit"].data[:], table["metric"].data[:], table["value"].data[:])
        assert {row: value for row, metric, value in zip(*columns, strict=True) if metric == "roc_auc"} == {
            0: 0.61,
            1: 0.52,
        }


def test_units_of_one_id_keep_each_its_own_stretches(write_called: Callable[..., Written]) -> None:
    path, _ = write_called((7, 7))
    with h5py.File(path) as file:
        table = file[f"{MODULE}/inferred_stretches"]
        assert sorted(zip(table["unit"][()], table["start_s"][()], strict=True)) == [
            (0, 0.5), (0, 0.5), (0, 1.5), (1, 0.5), (1, 0.5), (1, 1.5)
        ]  # fmt: skip


def test_a_row_that_another_unit_of_that_id_has_is_found(write_called: Callable[..., Written]) -> None:
    path, results = write_called((7, 7), (0.6, 0.6))
    assert compare_tables(path, results.tables) == ()
    with h5py.File(path, "a") as file:
        file[f"{MODULE}/unit_metrics/unit"][0] = 1
    assert compare_tables(path, results.tables) == (
        "/processing/spike_inference/unit_metrics/unit: row 0 says 1, the results 0",
    )


@pytest.mark.parametrize("ids", LARGE)
def test_ids_of_any_size_are_read_whole(write_called: Callable[..., Written], ids: tuple[int, int]) -> None:
    path, _ = write_called(ids)
    assert tuple(unit.unit_id for unit in read_session(path).units) == ids


@pytest.mark.parametrize("ids", LARGE)
def test_ids_of_any_size_are_written_whole(write_called: Callable[..., Written], ids: tuple[int, int]) -> None:
    path, results = write_called(ids)
    with h5py.File(path) as file:
        assert list(dict.fromkeys(file[f"{MODULE}/unit_metrics/unit_id"][()].tolist())) == list(ids)
    assert compare_tables(path, results.tables) == ()


@pytest.mark.parametrize("ids", [*LARGE, (-1, 2**63 + 1)])  # the last fit no one type of integers
def test_ids_of_any_size_are_whole_in_the_file_of_all_participants(
    results: SessionResults, tmp_path: Path, ids: tuple[int, int]
) -> None:
    path, tables = make_cohort(tmp_path / "cohort.nwb", ids, results)
    with h5py.File(path) as file:
        assert tuple(int(unit_id) for unit_id in file[f"{MODULE}/units/unit_id"][()]) == ids
    assert compare_tables(path, tables) == ()
    assert pynwb.validate(path=str(path)) == []


def test_units_of_one_id_have_each_a_row_in_the_file_of_all_participants(
    results: SessionResults, tmp_path: Path
) -> None:
    path, tables = make_cohort(tmp_path / "cohort.nwb", (7, 7), results)
    with h5py.File(path) as file:
        assert file[f"{MODULE}/units/unit_row"][()].tolist() == [0, 1]
        assert set(file[f"{MODULE}/unit_metrics/unit"][()].tolist()) == {0, 1}
    assert compare_tables(path, tables) == ()
