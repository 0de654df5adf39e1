import shutil
import sys
import warnings
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pynwb
import pytest

from nwb_spikeinference.errors import ExistsError, InputError, ResourceError
from nwb_spikeinference.files import sha256_file
from nwb_spikeinference.nwb.copies.check import inspect_file
from nwb_spikeinference.nwb.copies.copy_file import dataset_digest, walk
from nwb_spikeinference.nwb.reading.read_session import read_session
from nwb_spikeinference.nwb.results.result_records import SessionResults, SpikeProbabilities
from nwb_spikeinference.nwb.results.results_writer import write_results_copy
from nwb_spikeinference.nwb.results.verify_file import verify_file
from tests.limits import largest_file
from tests.nwb.conftest import fitted

MODULE = "processing/spike_inference"


@pytest.fixture(scope="module")
def source_digest(bundle_template: Path) -> str:
    return sha256_file(bundle_template)


@pytest.fixture(scope="module")
def written_template(
    bundle_template: Path, source_digest: str, results: SessionResults, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    target = tmp_path_factory.mktemp("written") / bundle_template.name
    write_results_copy(bundle_template, target, results, overwrite=False)
    return target


@pytest.fixture
def written(written_template: Path, tmp_path: Path) -> Path:
    (tmp_path / "out").mkdir()
    return Path(shutil.copy(written_template, tmp_path / "out"))


def read_table(path: Path, name: str) -> list[dict[str, object]]:
    with pynwb.NWBHDF5IO(str(path), "r", load_namespaces=True) as io:
        table = io.read().processing["spike_inference"][name]
        return [dict(row) for row in table.to_dataframe().to_dict("records")]


def test_probabilities_come_back_with_their_units(written: Path, results: SessionResults) -> None:
    with pynwb.NWBHDF5IO(str(written), "r", load_namespaces=True) as io:
        series = io.read().processing["spike_inference"]["spike_probability"]
        np.testing.assert_array_equal(series.data[:], results.main.probabilities)
        assert series.data.dtype == np.float32
        assert (series.rate, series.starting_time, series.unit) == (200.0, 0.5, "probability")
        assert (series.protocol, series.model_name) == ("unseen-participant", "bilstm")
        assert list(series.units.to_dataframe().index) == [6, 5]
        assert list(series.fold[:]) == [1, 1]


def test_other_protocol_has_its_own_series(written: Path, results: SessionResults) -> None:
    with pynwb.NWBHDF5IO(str(written), "r", load_namespaces=True) as io:
        series = io.read().processing["spike_inference"]["spike_probability_within_session"]
        np.testing.assert_array_equal(series.data[:], results.main.probabilities[::-1])
        assert list(series.fold[:]) == [-1, -1]  # two folds share each trace


def test_every_stretch_names_the_model_that_it_came_from(written: Path) -> None:
    rows = read_table(written, "inferred_stretches")
    with h5py.File(written) as file:
        weights = {name: item.attrs["weights_sha256"] for name, item in file[MODULE].items() if name[:5] == "model"
                   and "weights_sha256" in item.attrs}  # fmt: skip
    found = {
        (row["series"], unit_of(row["unit"]), row["start_s"], row["stop_s"]): (row["fold"], weights[str(row["model"])])
        for row in rows
    }
    assert len(found) == 6
    assert found["spike_probability", 5, 0.5, 2.5] == (1, "ab" * 32)
    assert found["spike_probability_within_session", 6, 0.5, 1.5] == (0, "c0" * 32)
    assert found["spike_probability_within_session", 6, 1.5, 2.5] == (1, "c1" * 32)


def unit_of(region: object) -> int:
    """Id of the one unit that a region refers to."""
    (unit_id,) = pd.DataFrame(region).index
    return int(unit_id)


def test_one_trace_lies_in_chunks_of_its_own(written: Path) -> None:
    with h5py.File(written) as file:
        assert file[f"{MODULE}/spike_probability/data"].chunks == (400, 1)


def test_folds_come_back_one_row_per_participant(written: Path) -> None:
    assert read_table(written, "cross_validation") == [
        {"fold": 1, "held_out": "P07", "train_units": 20, "test_units": 3},
        {"fold": 1, "held_out": "P08", "train_units": 20, "test_units": 3},
    ]


def test_metrics_come_back_one_row_per_fact(written: Path) -> None:
    rows = read_table(written, "unit_metrics")
    assert {(row["unit_id"], row["metric"]): row["value"] for row in rows} == {
        (5, "n_spikes"): 30.0,
        (5, "rate_hz"): 1.5,
        (5, "roc_auc"): 0.61,
        (5, "bits_per_spike"): 0.02,
        (6, "n_spikes"): 4.0,
        (6, "rate_hz"): 0.2,
    }
    assert [unit_of(row["unit"]) for row in rows] == [row["unit_id"] for row in rows]
    assert [row["excluded_reason"] for row in rows][-1] == "fewer than 15 spikes"


def test_lobo_comes_back(written: Path) -> None:
    gamma, theta = read_table(written, "lobo")
    assert (gamma["band"], gamma["mode"], gamma["delta_roc_auc"], gamma["p"]) == ("gamma", "drop", 0.03, 0.01)
    assert np.isnan(theta["low"])
    edges = pd.DataFrame(gamma["band_edges"])
    assert edges[["band", "low_hz", "high_hz"]].to_numpy().tolist() == [["gamma", 30.0, 55.0]]


def test_transfer_and_model_scores_come_back(written: Path) -> None:
    transfer, without_local = read_table(written, "transfer")
    assert (transfer["test_region"], transfer["test_hemisphere"], transfer["roc_auc"]) == ("amygdala", "", 0.58)
    assert (transfer["within_train_units"], without_local["within_train_units"]) == (12, -1)
    score, _ = read_table(written, "model_scores")
    assert (score["metric"], score["mean"], score["n_participants"]) == ("roc_auc", 0.6, 3)


def test_model_comes_back(written: Path) -> None:
    with pynwb.NWBHDF5IO(str(written), "r", load_namespaces=True) as io:
        model = io.read().processing["spike_inference"]["model"]
        assert model.settings == '{"seed": 0, "target": {"bin_ms": 5}}'
        assert (model.protocol, model.fold, model.model_name) == ("unseen-participant", 1, "bilstm")
        assert (model.architecture, model.weights_sha256) == ("bidirectional LSTM 64 + 32", "ab" * 32)
        assert list(model.training_participants[:]) == ["P01", "P02"]
        assert model.versions[:].tolist() == [["keras", "3.9"], ["nwb-spikeinference", "0.1.0"]]


@pytest.mark.usefixtures("written_template")
def test_source_stays_byte_identical(bundle_template: Path, source_digest: str) -> None:
    assert sha256_file(bundle_template) == source_digest


def test_raw_is_left_out_and_everything_else_is_equal(written: Path, bundle_file: Path) -> None:
    with h5py.File(bundle_file) as source, h5py.File(written) as copy:
        kept = walk(source, ["/acquisition/ElectricalSeriesRaw", "/specifications"])
        digests = {name: dataset_digest(source[name]) for name in kept if isinstance(source[name], h5py.Dataset)}
        assert {name: dataset_digest(copy[name]) for name in digests} == digests
        assert list(copy["acquisition"]) == []
        assert "/processing/ecephys/LFP/ElectricalSeriesLFP/data" in digests
    assert written.stat().st_size < bundle_file.stat().st_size + 600_000


def test_raw_is_kept_on_request(bundle_file: Path, results: SessionResults, tmp_path: Path) -> None:
    write_results_copy(bundle_file, tmp_path / "copy.nwb", results, overwrite=False, keep_raw=True)
    assert [block.kind for block in read_session(tmp_path / "copy.nwb").blocks] == ["raw", "lfp"]


def test_raw_that_something_refers_to_is_kept(bundle_file: Path, results: SessionResults, tmp_path: Path) -> None:
    with h5py.File(bundle_file, "a") as file:
        file["units"].attrs["sorted_from"] = file["acquisition/ElectricalSeriesRaw"].ref
    read = replace(results, source_sha256=sha256_file(bundle_file))
    write_results_copy(bundle_file, tmp_path / "copy.nwb", read, overwrite=False)
    with h5py.File(tmp_path / "copy.nwb") as copy:
        assert copy[copy["units"].attrs["sorted_from"]].name == "/acquisition/ElectricalSeriesRaw"


def test_copy_reads_as_the_same_session(written: Path, bundle_file: Path) -> None:
    source, copy = read_session(bundle_file), read_session(written)
    assert copy.electrodes == source.electrodes
    assert [unit.electrode_rows for unit in copy.units] == [unit.electrode_rows for unit in source.units]
    assert copy.blocks == source.blocks[1:]


def test_second_write_back_replaces_the_first(written: Path, results: SessionResults, tmp_path: Path) -> None:
    again = tmp_path / "again.nwb"
    write_results_copy(written, again, replace(results, source_sha256=sha256_file(written)), overwrite=False)
    with h5py.File(written) as first, h5py.File(again) as second:
        assert walk(first) == walk(second)
        names = [name for name in walk(first) if isinstance(first[name], h5py.Dataset)]
        assert all(dataset_digest(first[name]) == dataset_digest(second[name]) for name in names)
        assert second[MODULE + "/study"].attrs["content_sha256"] == first[MODULE + "/study"].attrs["content_sha256"]
        assert [row[0].decode() for row in second["general/was_generated_by"][()]] == ["nwb-spikeinference write-back"]


def test_f10_existing_target_is_refused(written: Path, bundle_file: Path, results: SessionResults) -> None:
    with pytest.raises(ExistsError, match="exists already; add --overwrite"):
        write_results_copy(bundle_file, written, results, overwrite=False)


def test_existing_target_is_replaced_on_request(written: Path, bundle_file: Path, results: SessionResults) -> None:
    write_results_copy(bundle_file, written, replace(results, within_session=None), overwrite=True)
    with h5py.File(written) as file:
        assert "spike_probability_within_session" not in file[MODULE]
    assert sorted(path.name for path in written.parent.iterdir()) == [written.name]


@pytest.mark.parametrize("is_nwb", [True, False])
def test_f10_a_file_without_results_is_never_replaced(
    bundle_file: Path, results: SessionResults, tmp_path: Path, is_nwb: bool
) -> None:
    target = tmp_path / "another.nwb"
    target.write_bytes(bundle_file.read_bytes() if is_nwb else b"somebody's notes")
    before = sha256_file(target)
    with pytest.raises(ExistsError, match=r"another.nwb: exists already and holds no results of a study; move it"):
        write_results_copy(bundle_file, target, results, overwrite=True)
    assert sha256_file(target) == before


def test_source_as_target_is_refused(bundle_file: Path, results: SessionResults) -> None:
    with pytest.raises(InputError, match="is the source itself"):
        write_results_copy(bundle_file, bundle_file, results, overwrite=True)


def test_unknown_unit_is_refused_and_nothing_is_left(
    bundle_file: Path, results: SessionResults, tmp_path: Path
) -> None:
    wrong = fitted(results, bundle_file, (1, 2))
    with pytest.raises(
        InputError, match="name the unit in row 2, but the file has 2 units, in rows from 0; run the study again"
    ):
        write_results_copy(bundle_file, tmp_path / "out" / "copy.nwb", wrong, overwrite=False)
    assert list((tmp_path / "out").iterdir()) == []


def test_probabilities_of_another_shape_are_refused() -> None:
    with pytest.raises(InputError, match=r"shape \(10, 2\) for 3 units"):
        SpikeProbabilities(
            protocol="within-session", model="rate", probabilities=np.zeros((10, 2), np.float32), rate_hz=200.0,
            start_s=0.0, unit_rows=(1, 2, 3), stretches=(),
        )  # fmt: skip


def test_schema_has_no_objection(written: Path) -> None:
    assert pynwb.validate(path=str(written)) == []


def test_inspector_only_suggests_another_module_name(written: Path, bundle_file: Path) -> None:
    known = {(finding.rule, finding.message) for finding in inspect_file(bundle_file)}
    new = [finding for finding in inspect_file(written) if (finding.rule, finding.message) not in known]
    assert [(finding.severity, finding.rule) for finding in new] == [("suggestion", "check_processing_module_name")]


def test_every_written_dataset_with_rows_is_chunked_and_filtered(written: Path) -> None:
    with h5py.File(written) as file:
        datasets = [file[name] for name in walk(file) if name.startswith(f"/{MODULE}/")]
        plain = [
            item.name
            for item in datasets
            if isinstance(item, h5py.Dataset) and item.ndim and not (item.chunks and item.compression and item.shuffle)
        ]
    assert plain == []


def numeric_datasets(path: Path) -> dict[str, h5py.h5d.StoreInfo]:
    with h5py.File(path) as file:
        items = [file[name] for name in walk(file) if name.startswith(f"/{MODULE}/")]
        return {
            item.name: item.id.get_chunk_info(0)
            for item in items
            if isinstance(item, h5py.Dataset) and item.ndim and item.dtype.kind in "if"
        }


def test_flipped_byte_in_any_numeric_dataset_raises(written: Path) -> None:
    whole = written.read_bytes()
    chunks = numeric_datasets(written)
    assert len(chunks) > 20
    for name, chunk in chunks.items():
        with h5py.File(written) as file:
            values = file[name][()]
        for position in {0, 2, chunk.size // 2, chunk.size - 1}:
            damaged = bytearray(whole)
            damaged[chunk.byte_offset + position] ^= 0x10
            written.write_bytes(damaged)
            with h5py.File(written) as file:
                try:
                    found = file[name][()]
                except OSError:
                    continue
            np.testing.assert_array_equal(found, values, err_msg=f"{name} byte {position} of {chunk.size}")


def test_whole_file_has_no_finding(written: Path) -> None:
    assert [finding for finding in verify_file(written) if "spike_inference" in finding] == []


def test_flipped_byte_is_found(written: Path) -> None:
    chunk = numeric_datasets(written)[f"/{MODULE}/spike_probability/data"]
    damaged = bytearray(written.read_bytes())
    damaged[chunk.byte_offset + chunk.size // 2] ^= 1
    written.write_bytes(damaged)
    assert any("spike_probability/data: damaged" in finding for finding in verify_file(written))


@pytest.mark.parametrize("name", ["units/spike_times", "general/subject/subject_id"])
def test_recording_that_was_changed_since_is_found(written: Path, tmp_path: Path, name: str) -> None:
    path = Path(shutil.copy(written, tmp_path))
    with h5py.File(path, "r+") as file:
        file[name][(0,) * file[name].ndim] = "P99" if name.endswith("id") else 0.05
    (finding,) = verify_file(path)
    assert finding.endswith("something beside the results was changed or added since they were written")


def test_changed_text_is_found(written: Path) -> None:
    with h5py.File(written, "a") as file:
        file[f"{MODULE}/lobo/band"][0] = "theta"
    assert verify_file(written) == (
        "/processing/spike_inference: the results are not those that were written (digest differs)",
    )


def test_unreadable_file_is_a_finding(tmp_path: Path) -> None:
    (tmp_path / "text.nwb").write_text("no recording")
    (finding,) = verify_file(tmp_path / "text.nwb")
    assert "is not an HDF5 file" in finding


@pytest.mark.parametrize("name", ["000207/sub-4_ses-4_ecephys+image.nwb", "000006/sub-anm369963_ses-20170301.nwb"])
def test_results_fit_into_real_files_of_older_versions(
    shared_data: Path, results: SessionResults, tmp_path: Path, name: str
) -> None:
    source, target = shared_data / "dandi" / name, tmp_path / "copy.nwb"
    fitting = fitted(results, source, (0, 1))
    write_results_copy(source, target, fitting, overwrite=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the recording's own metadata
        with pynwb.NWBHDF5IO(str(target), "r", load_namespaces=True) as io:
            series = io.read().processing["spike_inference"]["spike_probability"]
            np.testing.assert_array_equal(series.data[:], results.main.probabilities)
    before, after = read_session(source), read_session(target)
    assert after.electrodes == before.electrodes
    assert all(
        np.array_equal(one.spike_times_s, other.spike_times_s)
        for one, other in zip(before.units, after.units, strict=True)
    )


@pytest.mark.parametrize("n_bytes", [100_000, 300_000])
@pytest.mark.skipif(sys.platform != "linux", reason="needs a limit on file sizes")
def test_full_disk_is_a_resource_error_and_leaves_the_old_file(
    bundle_file: Path, results: SessionResults, tmp_path: Path, n_bytes: int
) -> None:
    target = tmp_path / "copy.nwb"
    write_results_copy(bundle_file, target, results, overwrite=False)
    old = sha256_file(target)
    with largest_file(n_bytes), pytest.raises(ResourceError, match="make room on the disk"):
        write_results_copy(bundle_file, target, results, overwrite=True)
    assert sha256_file(target) == old
    assert sorted(path.name for path in tmp_path.iterdir()) == ["copy.nwb", bundle_file.name]
