import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pynwb
import pytest
import yaml

from nwb_spikeinference.files import sha256_file
from nwb_spikeinference.nwb.extension import NAMESPACE, REGION, TYPES, get_type, table_columns
from nwb_spikeinference.nwb.reading.read_session import read_session
from nwb_spikeinference.nwb.results.result_records import SessionResults
from nwb_spikeinference.nwb.results.results_writer import write_results_copy
from nwb_spikeinference.records import LoboRecord, ModelRecord, Record, TransferRecord
from nwb_spikeinference.schemas import schema_path
from tests.nwb.conftest import fitted

# Runs where this package cannot be imported, as in a viewer, with warnings as errors.
READ_ELSEWHERE = """
import importlib.abc, json, sys
class Blocker(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name.startswith("nwb_spikeinference"):
            raise ImportError(name)
sys.meta_path.insert(0, Blocker())
import pynwb
with pynwb.NWBHDF5IO(sys.argv[1], "r", load_namespaces=True) as io:
    module = io.read().processing["spike_inference"]
    series = module["spike_probability"]
    print(json.dumps({
        "types": {name: [type(item).__name__, item.namespace] for name, item in module.data_interfaces.items()},
        "sum": float(series.data[10:].sum(dtype="f8")),
        "units": [int(row) for row in series.units.data[:]],
        "bands": list(module["lobo"]["band"][:]),
    }))
errors = pynwb.validate(path=sys.argv[1])
assert errors == [], errors
"""
# A laboratory's own extension, which is installed nowhere.
WRITE_WITH_OTHER_EXTENSION = """
import sys, numpy as np, pynwb
from datetime import datetime, timezone
from pynwb.spec import NWBGroupSpec, NWBNamespaceBuilder, NWBDatasetSpec
folder, path = sys.argv[1:]
builder = NWBNamespaceBuilder(name="ndx-lab", doc="A laboratory", version="0.3.0", author="A", contact="a@b.org")
builder.include_namespace("core")
wires = NWBDatasetSpec(name="impedances", dtype="float64", shape=(None,), doc="In kilohms")
builder.add_spec("ndx-lab.extensions.yaml", NWBGroupSpec(
    neurodata_type_def="WireTest", neurodata_type_inc="NWBDataInterface", doc="A test", datasets=[wires]))
builder.export("ndx-lab.namespace.yaml", outdir=folder)
pynwb.load_namespaces(folder + "/ndx-lab.namespace.yaml")
start = datetime(2000, 1, 1, tzinfo=timezone.utc)
nwb = pynwb.NWBFile(session_description="a", identifier="b", session_start_time=start)
nwb.add_acquisition(pynwb.get_class("WireTest", "ndx-lab")(name="wire_test", impedances=np.array([40.0, 55.0])))
for unit_id in (5, 6):
    nwb.add_unit(id=unit_id, spike_times=[0.1, 0.2])
with pynwb.NWBHDF5IO(path, "w") as io:
    io.write(nwb)
"""


def run_python(code: str, *arguments: Path) -> str:
    command = [sys.executable, "-W", "error", "-c", code, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_type_of_the_specification_has_a_class() -> None:
    text = schema_path(f"{NAMESPACE}/spec/{NAMESPACE}.extensions.yaml").read_text()
    assert tuple(line.split(": ")[1] for line in text.splitlines() if "neurodata_type_def" in line) == TYPES
    assert [get_type(name).__name__ for name in TYPES] == list(TYPES)


def test_no_column_name_reads_as_spike_times() -> None:
    tables = [name for name in TYPES if name.endswith("Table")]
    columns = [column.name for name in tables for column in table_columns(name)]
    assert len(columns) > 30
    assert [name for name in columns if name.endswith("_times")] == []


@pytest.mark.parametrize(
    ("table", "record"),
    [("LoboTable", LoboRecord), ("TransferTable", TransferRecord), ("ModelScoresTable", ModelRecord)],
)
def test_columns_are_the_fields_of_the_record(table: str, record: type[Record]) -> None:
    own = [column.name for column in table_columns(table) if column.dtype != REGION]
    assert own == list(record.model_fields)


def test_file_opens_without_this_package(bundle_file: Path, results: SessionResults, tmp_path: Path) -> None:
    target = tmp_path / "copy.nwb"
    write_results_copy(bundle_file, target, results, overwrite=False)
    found = json.loads(run_python(READ_ELSEWHERE, target))
    assert found["types"] == {
        "bands": ["BandsTable", NAMESPACE],
        "cross_validation": ["CrossValidationTable", NAMESPACE],
        "inferred_stretches": ["InferredStretchTable", NAMESPACE],
        "lobo": ["LoboTable", NAMESPACE],
        "model": ["InferenceModel", NAMESPACE],
        "model_within_session_fold_0": ["InferenceModel", NAMESPACE],
        "model_within_session_fold_1": ["InferenceModel", NAMESPACE],
        "model_scores": ["ModelScoresTable", NAMESPACE],
        "spike_probability": ["SpikeProbabilitySeries", NAMESPACE],
        "spike_probability_within_session": ["SpikeProbabilitySeries", NAMESPACE],
        "study": ["StudyRecord", NAMESPACE],
        "transfer": ["TransferTable", NAMESPACE],
        "unit_metrics": ["UnitMetricsTable", NAMESPACE],
    }
    assert found["sum"] == pytest.approx(results.main.probabilities[10:].sum(dtype="f8"))
    assert (found["units"], found["bands"]) == ([1, 0], ["gamma", "theta"])


def test_types_of_unknown_extensions_survive(results: SessionResults, tmp_path: Path) -> None:
    source, target = tmp_path / "lab.nwb", tmp_path / "copy.nwb"
    run_python(WRITE_WITH_OTHER_EXTENSION, tmp_path, source)
    write_results_copy(source, target, replace(results, source_sha256=sha256_file(source)), overwrite=False)
    with pynwb.NWBHDF5IO(str(target), "r", load_namespaces=True) as io:
        item = io.read().acquisition["wire_test"]
        assert (type(item).__name__, item.impedances[:].tolist()) == ("WireTest", [40.0, 55.0])


def test_results_fit_into_files_with_one_group_per_wire(
    wire_file: Path, results: SessionResults, tmp_path: Path
) -> None:
    fitting = fitted(results, wire_file, (0, 1))
    write_results_copy(wire_file, tmp_path / "copy.nwb", fitting, overwrite=False)
    before, after = read_session(wire_file), read_session(tmp_path / "copy.nwb")
    assert (after.electrodes, after.blocks) == (before.electrodes, before.blocks)
    assert [unit.electrode_rows for unit in after.units] == [(1,), (2,)]
    assert pynwb.validate(path=str(tmp_path / "copy.nwb")) == []


EXTENSION = schema_path(f"{NAMESPACE}/README.md").parent


def test_every_field_is_documented_in_the_readme_as_in_the_specification() -> None:
    readme = (EXTENSION / "README.md").read_text(encoding="utf-8")
    groups = yaml.safe_load((EXTENSION / f"spec/{NAMESPACE}.extensions.yaml").read_text(encoding="utf-8"))["groups"]
    for group in groups:
        section = readme.split(f"### {group['neurodata_type_def']} (")[1].split("\n#")[0]
        for field in group.get("attributes", []) + group.get("datasets", []):
            assert any(
                line.startswith(f"| `{field['name']}` |") and line.endswith(f"| {' '.join(field['doc'].split())} |")
                for line in section.splitlines()
            ), field["name"]


def test_catalogue_record_has_the_namespaces_version() -> None:
    record = yaml.safe_load((EXTENSION / "ndx-meta.yaml").read_text(encoding="utf-8"))
    (namespace,) = yaml.safe_load((EXTENSION / f"spec/{NAMESPACE}.namespace.yaml").read_text(encoding="utf-8"))[
        "namespaces"
    ]
    assert (record["name"], record["version"]) == (NAMESPACE, namespace["version"])
    assert set(record) == {"name", "version", "src", "pip", "license", "maintainers"}
