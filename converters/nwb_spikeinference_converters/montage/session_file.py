"""
The settings file ``session.yaml``, with the CSV files that may stand in place of its lists.
"""

import re
from pathlib import Path
from typing import Any

from nwb_spikeinference.errors import SettingsError
from nwb_spikeinference.session_config import SessionSettings
from nwb_spikeinference.settings import parse_settings, read_yaml
from nwb_spikeinference_converters.csv_rows import read_rows

# Lists that a CSV file may replace: the columns it must have.
TABLES: dict[str, tuple[str, ...]] = {
    "devices": ("name",),
    "recordings": ("format", "file"),
    "sync": ("nsp", "file", "channel"),
    "events": ("format", "file"),
    "bundles": ("label", "region", "hemisphere"),
    "electrodes": ("label", "wire", "channel"),
    "units": ("format", "file"),
}
_CONTACT_COLUMNS = ("label", "wire", "channel", "nsp", "x", "y", "z")  # montage files hold others, which are left alone


def read_session_file(path: Path) -> SessionSettings:
    """
    Read and check one session file.

    Raises
    ------
    InputError
        If it, or a CSV file that it names, cannot be read.
    SettingsError
        Names the key or column, and what is allowed.
    """
    content = read_yaml(path)
    for key, required in TABLES.items():
        if isinstance(content.get(key), str):
            content[key] = [_convert_row(key, row) for row in read_rows(path.parent / content[key], required)]
    settings = parse_settings(content, SessionSettings, str(path))
    if settings.subject.age is None:
        raise SettingsError(
            f"{path}: key 'subject.age' is missing; write an ISO 8601 duration such as P34Y, which archives need"
        )
    return settings


def _convert_row(key: str, row: dict[str, str]) -> dict[str, Any]:
    converted: dict[str, Any] = dict(row)
    if key == "electrodes":
        return {name: value for name, value in converted.items() if name in _CONTACT_COLUMNS}
    for name in {"channels", "macro_channels"} & row.keys():
        converted[name] = parse_channels(row[name])
    if "labels" in row:
        converted["labels"] = [label for label in re.split(r"[\s,;]+", row["labels"]) if label]
    return converted


def parse_channels(text: str) -> list[int]:
    """
    Channel numbers of one cell.

    Examples
    --------
    >>> parse_channels("1-4, 7 9")
    [1, 2, 3, 4, 7, 9]
    """
    channels: list[int] = []
    for part in re.split(r"[\s,;]+", text.strip()):
        match = re.fullmatch(r"(\d{1,5})(?:[-:](\d{1,5}))?", part)
        if match is None:
            raise SettingsError(f"channels {text!r} cannot be read; write numbers and ranges such as '1-8' or '1 2 3'")
        first, last = int(match[1]), int(match[2] or match[1])
        channels.extend(range(first, last + 1))
    return channels


def output_path(settings: SessionSettings, output_folder: Path) -> Path:
    """The NWB file that a session is converted to."""
    subject_id, session_id = settings.subject.subject_id, settings.session.session_id
    return output_folder / f"sub-{subject_id}" / f"sub-{subject_id}_ses-{session_id}_ecephys.nwb"
