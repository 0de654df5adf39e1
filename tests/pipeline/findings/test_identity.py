"""One person under two ids, two people under one: nobody is merged or parted, everybody is warned."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from nwb_spikeinference.config import StudySettings, UnitSettings
from nwb_spikeinference.pipeline.findings.same_person import identity_flags
from nwb_spikeinference.pipeline.sessions.prepare_session import prepare_session
from nwb_spikeinference.pipeline.sessions.prepared import PreparedSession, Subject
from tests.nwb.layouts.rutishauser import write_000673
from tests.pipeline.planted_cohort import make_cohort

Point = tuple[float, float, float]
TIPS = ((-24.5, -15.83, -16.49), (27.63, -15.83, -16.49))


def session(
    participant: str, *, points: Sequence[Point] = (), sex: str | None = "F", age: float | None = 34.0
) -> PreparedSession:
    (made,) = make_cohort(participants=[participant], drives={}).sessions
    return replace(made, subject=Subject(sex=sex, age_years=age, points=tuple(points)))


def warnings_of(*sessions: PreparedSession) -> list[str]:
    return [flag.message for flag in identity_flags(sessions) if flag.severity == "warning"]


def test_f32_contacts_at_the_same_points_give_one_person_under_two_ids_away() -> None:
    (message,) = warnings_of(session("P07", points=TIPS), session("R12", points=(*TIPS, (1.0, 2.0, 3.0))))
    assert message == (
        "P07 and R12 have 2 contacts at the very same coordinates; if they are one person, add to study.yaml: "
        "participants: {alias: {R12: P07}}"
    )


def test_f32_ids_that_differ_in_spelling_only_are_warned_of() -> None:
    (message,) = warnings_of(session("P07"), session("p-7"))
    assert "P07 and p-7 have ids that differ in spelling only" in message


def test_f32_other_ids_of_other_people_are_not_warned_of() -> None:
    assert warnings_of(session("P07", points=TIPS), session("P70", points=[(1.0, 2.0, 3.0), TIPS[0]])) == []


def test_f32_points_of_a_template_that_many_share_tell_nothing() -> None:
    assert warnings_of(*(session(name, points=TIPS) for name in ("P01", "P02", "P03"))) == []


def test_f32_another_sex_or_age_gives_two_people_under_one_id_away() -> None:
    (message,) = warnings_of(session("1"), session("1", sex="M", age=61.0))
    assert message == (
        "the files of 1 (1.nwb, 1.nwb) give sex F and M, age 34 and 61; if they are two people, give them different "
        "subject_ids in the files"
    )


def test_f32_a_person_who_came_back_is_one() -> None:
    assert warnings_of(session("1"), session("1", age=36.0), session("1", sex="U", age=None)) == []


def test_f32_what_sessions_are_grouped_by_is_said() -> None:
    (flag,) = identity_flags([session("1")])
    assert (flag.severity, flag.id) == ("info", "participants")
    assert "subject_id" in flag.message
    assert "participants.alias" in flag.message


def test_f32_one_person_in_two_real_files_is_found(tmp_path: Path) -> None:
    settings = StudySettings(sessions=("x",), units=UnitSettings(min_spikes=1))
    found = [
        prepare_session(write_000673(tmp_path / f"{name}.nwb", 4.0, subject_id=name, seed=seed), settings, tmp_path)
        for seed, name in enumerate(("4", "P60CS"))
    ]
    (message,) = warnings_of(*found)
    assert message.startswith("4 and P60CS have 2 contacts at the very same coordinates")
