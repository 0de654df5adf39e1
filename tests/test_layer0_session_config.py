"""The settings of one recording session."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from nwb_spikeinference.errors import SettingsError
from nwb_spikeinference.session_config import EPOCH, SessionSettings
from nwb_spikeinference.settings import load_settings, parse_settings


def session(**changes: Any) -> SessionSettings:
    """A minimal session; `subject`, `session` and `bundles` take changes of their own."""
    content: dict[str, Any] = {
        "subject": {"subject_id": "P07", **changes.pop("subject", {})},
        "session": {"session_id": "baseline", **changes.pop("session", {})},
        "recordings": [{"format": "blackrock", "file": "raw.ns6"}],
        **changes,
    }
    return parse_settings(content, SessionSettings, "session.yaml")


def test_a_session_starts_at_the_epoch_unless_told() -> None:
    assert session().session.start == EPOCH == datetime(2000, 1, 1, tzinfo=UTC)


def test_a_session_is_deidentified_unless_told() -> None:
    assert session().deidentify is True


@pytest.mark.parametrize("age", ["P34Y", "P34Y6M", "P1.5Y", "P8M", "P90Y/"])
def test_age_is_an_iso_duration(age: str) -> None:
    assert session(subject={"age": age}).subject.age == age


@pytest.mark.parametrize("age", ["34", "34Y", "P34", "P", "", "P34Y ", "about 34"])
def test_another_age_is_refused(age: str) -> None:
    with pytest.raises(
        SettingsError, match=rf"subject.age: age must be an ISO 8601 duration such as P34Y, got '{age}'"
    ):
        session(subject={"age": age})


def test_an_age_in_numbers_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"subject.age: input should be a valid string, found 34"):
        session(subject={"age": 34})


@pytest.mark.parametrize("subject_id", ["a/b", "../x", "", "a b", "-a", "a_b"])
def test_f47_a_subject_that_is_no_file_name_is_refused(subject_id: str) -> None:
    with pytest.raises(SettingsError, match=r"subject.subject_id: string should match pattern"):
        session(subject={"subject_id": subject_id})


def test_a_start_keeps_its_zone() -> None:
    start = session(session={"start": "2021-03-04T05:06:07+02:00"}).session.start
    assert start.utcoffset() == timedelta(hours=2)


@pytest.mark.parametrize("start", ["2021-03-04T05:06:07", "2021-03-04"])
def test_a_start_without_a_zone_is_refused(start: str) -> None:
    with pytest.raises(SettingsError, match=r"session.start: start needs a time zone, e.g. 2000-01-01T00:00:00\+00:00"):
        session(session={"start": start})


@pytest.mark.parametrize("start", [2021, 20210304, 1.5e9, "20210304", True])
def test_a_start_that_is_a_number_is_refused(start: Any) -> None:
    with pytest.raises(SettingsError, match=rf"session.start: start must be a date and time, .* got {start!r}"):
        session(session={"start": start})


def test_an_unquoted_start_is_read(tmp_path: Path) -> None:
    path = tmp_path / "session.yaml"
    path.write_text(
        "subject: {subject_id: P07}\n"
        "session:\n  session_id: baseline\n  start: 2021-03-04T05:06:07+00:00\n"
        "recordings: [{format: blackrock, file: raw.ns6}]\n"
    )
    assert load_settings(path, SessionSettings).session.start == datetime(2021, 3, 4, 5, 6, 7, tzinfo=UTC)


def test_a_clip_from_the_beginning_to_the_end_is_the_default() -> None:
    assert (session().clip.start_s, session().clip.stop_s) == (0, None)


@pytest.mark.parametrize(("start_s", "stop_s"), [(60, 60), (60, 10)])
def test_a_clip_must_end_after_it_starts(start_s: float, stop_s: float) -> None:
    with pytest.raises(SettingsError, match=rf"clip must end after it starts, got {start_s} to {stop_s} s"):
        session(clip={"start_s": start_s, "stop_s": stop_s})


def test_a_clip_may_not_start_before_the_recording() -> None:
    with pytest.raises(SettingsError, match=r"clip.start_s: input should be greater than or equal to 0, found -1"):
        session(clip={"start_s": -1})


@pytest.mark.parametrize(
    ("word", "hemisphere"), [("L", "left"), ("Right", "right"), ("midline", "midline"), ("rh", "right")]
)
def test_a_bundle_takes_a_side_as_people_write_it(word: str, hemisphere: str) -> None:
    bundle = {"label": "HIP", "region": "hippocampus", "hemisphere": word, "channels": [1]}
    assert session(bundles=[bundle]).bundles[0].hemisphere == hemisphere


@pytest.mark.parametrize("word", ["up", 1])
def test_a_bundle_refuses_another_side_by_its_place_in_the_file(word: str | int) -> None:
    bundle = {"label": "HIP", "region": "hippocampus", "hemisphere": word, "channels": [1]}
    with pytest.raises(SettingsError, match=rf"bundles\[0\].hemisphere: input should be 'left', .* found {word!r}"):
        session(bundles=[bundle])


def test_f46_an_unknown_key_of_a_bundle_is_refused_with_the_nearest() -> None:
    bundle = {"label": "HIP", "region": "hippocampus", "hemisphere": "L", "chanels": [1]}  # codespell:ignore
    with pytest.raises(
        SettingsError, match=r"'bundles\[0\].channels' is missing|unknown key 'bundles\[0\].chanels'; .*'channels'"
    ):
        session(bundles=[bundle])


def test_a_session_needs_a_recording() -> None:
    with pytest.raises(SettingsError, match=r"session.yaml: recordings: .* at least 1 item"):
        session(recordings=[])
