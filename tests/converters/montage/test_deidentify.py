"""What may not leave the laboratory."""

import pytest

from nwb_spikeinference.errors import SettingsError
from nwb_spikeinference.session_config import EPOCH, SessionSettings
from nwb_spikeinference_converters.montage.deidentify import deidentify, limit_age, remove_identifying_text


@pytest.mark.parametrize(
    ("age", "expected"),
    [("P34Y", "P34Y"), ("P89Y", "P89Y"), ("P90Y", "P90Y/"), ("P101Y", "P90Y/"), ("P1100M", "P90Y/"), (None, None)],
)
def test_f42_ages_over_89(age: str | None, expected: str | None) -> None:
    assert limit_age(age) == expected


@pytest.mark.parametrize(
    "text",
    [
        "2019-03-14", "2019-03-14T10:20:33+01:00", "20190314", "14.3.2019", "03/14/19",
        "14 March 2019", "March 14, 2019", "March 2019", "/data/patients/p07", "/home/jane doe/x", r"C:\patients\7",
        r"C:\My patients\Jane Doe.ns6", r"\\server\doe", "MRN 4711-0815", "patient no. 12345678", "jane@doe.org",
    ],
)  # fmt: skip
def test_dates_and_paths_are_removed_from_texts(text: str) -> None:
    assert remove_identifying_text(f"taken {text} at rest") == "taken [removed] at rest"


@pytest.mark.parametrize(
    "text", ["4-8 Hz and 30-55 Hz", "left/right hippocampus", "ratio 1/2, 3.5 mm", "task 2", "marked 2000", "patient 7"]
)
def test_other_texts_stay(text: str) -> None:
    assert remove_identifying_text(text) == text


def settings_with(subject: dict[str, str], session: dict[str, str]) -> SessionSettings:
    return SessionSettings.model_validate(
        {
            "subject": {"subject_id": "P01", **subject},
            "session": {"session_id": "a", **session},
            "recordings": [{"format": "blackrock", "file": "raw.ns6"}],
        }
    )


def test_the_session_starts_in_2000() -> None:
    kept = deidentify(settings_with({"age": "P93Y"}, {"start": "2019-03-14T10:20:00+01:00"}))
    assert (kept.session.start, kept.subject.age) == (EPOCH, "P90Y/")


def test_every_text_of_the_session_loses_dates_and_paths() -> None:
    text = "since 2019-03-14"
    kept = deidentify(settings_with({"description": text}, {"description": text, "institution": text, "lab": text}))
    assert {kept.subject.description, kept.session.description, kept.session.institution, kept.session.lab} == {
        "since [removed]"
    }


@pytest.mark.parametrize(
    "name", ["2019-03-14", "20190314", "rest-20190314T1020", "14-03-2019", "14Mar2019", "2019march"]
)
def test_f42_a_session_named_by_its_date_is_refused(name: str) -> None:
    with pytest.raises(
        SettingsError, match=rf"session\.session_id '{name}' holds a date .* or write 'deidentify: false'"
    ):
        deidentify(settings_with({}, {"session_id": name}))


@pytest.mark.parametrize("name", ["baseline", "day2", "1-2", "rest20", "march1", "20193514", "run-007"])
def test_other_names_of_sessions_are_kept(name: str) -> None:
    assert deidentify(settings_with({}, {"session_id": name})).session.session_id == name


def test_f42_a_subject_named_by_a_hospitals_number_is_refused() -> None:
    with pytest.raises(
        SettingsError, match="subject_id '4711081' looks like a hospital's number; use a code such as P07"
    ):
        deidentify(settings_with({"subject_id": "4711081"}, {}))
