import json
import runpy
from pathlib import Path

import jsonschema
import pytest

from nwb_spikeinference.config import StudySettings
from nwb_spikeinference.errors import InputError
from nwb_spikeinference.records import InputFile, Provenance, Results, UnitRecord
from nwb_spikeinference.schemas import schema_path

NAMES = ("results.schema.json", "study.schema.json", "session.schema.json")
SESSION = {
    "subject": {"subject_id": "P07", "age": "P34Y", "sex": "F"},
    "session": {"session_id": "baseline"},
    "recordings": [{"format": "blackrock", "file": "raw.ns6"}],
    "bundles": [{"label": "LHIP", "region": "hippocampus", "hemisphere": "left", "channels": [1, 2], "reference": 9}],
}


def read_schema(name: str) -> dict[str, object]:
    schema: dict[str, object] = json.loads(schema_path(name).read_text(encoding="utf-8"))
    return schema


def make_results() -> Results:
    return Results(
        name="study",
        provenance=Provenance(
            version="0.1.0", git=None, settings={"seed": 0}, inputs=(InputFile(file="a.nwb", sha256="0" * 64),),
            seeds=(0,), started="2000-01-01T00:00:00+00:00", seconds=1.5, devices=("cpu",),
        ),
        participants=(),
        folds=(),
        units=(
            UnitRecord(
                participant="P07", session="baseline", unit_id=1, unit_row=0, region=None, hemisphere=None,
                cell_type="unclassified", predictor="neighbour", n_spikes=3, rate_hz=0.1, excluded_reason="few spikes",
            ),
        ),
        models=(),
        lobo=(),
        transfer=(),
        hypotheses=(),
        flags=(),
    )  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_files_agree_with_the_classes(name: str) -> None:
    script = runpy.run_path(str(Path(__file__).parents[1] / "scripts" / "write_schemas.py"))
    assert read_schema(name) == script["make_schemas"]()[name], "run scripts/write_schemas.py"


@pytest.mark.parametrize("name", NAMES)
def test_schemas_are_valid(name: str) -> None:
    jsonschema.Draft202012Validator.check_schema(read_schema(name))


def test_results_fit_their_schema() -> None:
    content = json.loads(make_results().model_dump_json())
    jsonschema.validate(content, read_schema("results.schema.json"))


def test_results_without_a_table_do_not_fit() -> None:
    content = json.loads(make_results().model_dump_json())
    del content["lobo"]
    with pytest.raises(jsonschema.ValidationError, match="'lobo' is a required property"):
        jsonschema.validate(content, read_schema("results.schema.json"))


def test_default_study_fits_its_schema() -> None:
    content = json.loads(StudySettings(sessions=("nwb/*.nwb",)).model_dump_json())
    jsonschema.validate(content, read_schema("study.schema.json"))


def test_unknown_key_of_a_study_does_not_fit() -> None:
    content = {"sessions": ["a.nwb"], "sesions": []}  # codespell:ignore sesions
    with pytest.raises(jsonschema.ValidationError, match="'sesions' was unexpected"):  # codespell:ignore sesions
        jsonschema.validate(content, read_schema("study.schema.json"))


def test_session_fits_its_schema() -> None:
    jsonschema.validate(SESSION, read_schema("session.schema.json"))


def test_csv_may_stand_for_rows() -> None:
    jsonschema.validate({**SESSION, "electrodes": "montage.csv"}, read_schema("session.schema.json"))
    with pytest.raises(jsonschema.ValidationError, match=r"'montage\.xlsx' does not match"):
        jsonschema.validate({**SESSION, "electrodes": "montage.xlsx"}, read_schema("session.schema.json"))


def test_missing_schema_is_named() -> None:
    with pytest.raises(InputError, match=r"schema file other\.json is missing"):
        schema_path("other.json")
