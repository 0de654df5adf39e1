"""
Write the JSON Schemas of ``schemas/`` from the classes that define them.

Run it after changing `records.Results`, `config.StudySettings` or `session_config.SessionSettings`; a test fails until
the files agree again.
"""

import json
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from nwb_spikeinference.config import StudySettings
from nwb_spikeinference.records import Results
from nwb_spikeinference.session_config import SessionSettings

SCHEMAS = Path(__file__).parents[1] / "schemas"
DIALECT = "https://json-schema.org/draft/2020-12/schema"


def make_schemas() -> dict[str, dict[str, Any]]:
    """Content of each schema file, by file name."""
    return {
        # Written by us: every key is there. Settings are read: keys with defaults may be missing.
        "results.schema.json": _make_schema(Results, "serialization"),
        "study.schema.json": _make_schema(StudySettings, "validation"),
        "session.schema.json": _allow_csv(_make_schema(SessionSettings, "validation")),
    }


def _make_schema(model: type[BaseModel], mode: Any) -> dict[str, Any]:
    return {"$schema": DIALECT, **model.model_json_schema(mode=mode)}


def _allow_csv(schema: dict[str, Any]) -> dict[str, Any]:
    """Wherever a list of rows stands, the name of a CSV file may stand instead."""
    for name, field in schema["properties"].items():
        if field.get("type") == "array" and "$ref" in field["items"]:
            csv = {"type": "string", "pattern": r"\.csv$", "description": "CSV file with one row each"}
            kept = {key: field[key] for key in ("title", "default") if key in field}
            rows = {key: value for key, value in field.items() if key not in kept}
            schema["properties"][name] = {**kept, "anyOf": [rows, csv]}
    return schema


def main() -> None:
    """Write every file whose content changed."""
    for name, schema in make_schemas().items():
        text = json.dumps(schema, indent=2, ensure_ascii=False) + "\n"
        (SCHEMAS / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
