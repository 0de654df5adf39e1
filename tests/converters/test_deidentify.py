"""What may not leave the laboratory."""

import pytest

from nwb_spikeinference.session_config import EPOCH, SessionSettings
from nwb_spikeinference_converters.deidentify import deidentify, limit_age, remove_identifying_text


@pytest.mark.parametrize(
    ("age", "expected"),
    [("P34Y", "P34Y"), ("P89Y", "P89Y"), ("P90Y", "P90Y/"), ("P101Y", "P90Y/"), ("P1100M", "P90Y/"), (None, None)],
)
def test_f42_ages_over_89(age: str | None, expected: str | None) -> None:
    assert limit_age(age) == expected


@pytest.mark.parametrize(
    "text",
    ["2019-03-14", "14.3.2019", "03/14/19", "14 March 2019", "March 14, 2019", "/data/patients/p07", r"C:\patients\7"],
)
def test_dates_and_paths_are_removed_from_texts(text: str) -> None:
    assert remove_identifying_text(f"taken {text} at rest") == "taken [removed] at rest"


@pytest.mark.parametrize("text", ["4-8 Hz and 30-55 Hz", "left/right hippocampus", "ratio 1/2, 3.5 mm", "task 2"])
def test_other_texts_stay(text: str) -> None:
    assert remove_identifying_text(text) == text


def test_the_session_starts_in_2000() -> None:
    settings = SessionSettings.model_validate(
        {
            "subject": {"subject_id": "P01", "age": "P93Y"},
            "session": {"session_id": "a", "start": "2019-03-14T10:20:00+01:00"},
            "recordings": [{"format": "blackrock", "file": "raw.ns6"}],
        }
    )
    kept = deidentify(settings)
    assert (kept.session.start, kept.subject.age) == (EPOCH, "P90Y/")
