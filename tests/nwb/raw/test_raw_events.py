"""Tables of events in NWB files."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pynwb import NWBHDF5IO, validate

from nwb_spikeinference.nwb.raw.raw_records import RecordedEvents, SessionContent
from nwb_spikeinference.nwb.raw.raw_writer import write_session
from nwb_spikeinference.session_config import DeviceSettings, SessionInfo, SubjectSettings

WORDS = RecordedEvents(
    name="digital_events",
    description="Values on the digital input",
    column="value",
    times_s=np.array([0.25, 0.75]),
    values=np.array([7, 0]),
    meanings=((7, "stimulus on"), (9, "answer"), (0, "not described")),
    resolution_s=1 / 30000,
)
COMMENTS = replace(
    WORDS, name="comments", column="comment", values=("eyes open", "[removed]"), meanings=(("eyes open", "rest"),)
)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("events") / "session.nwb"
    content = SessionContent(
        identifier="e3b0c442",
        subject=SubjectSettings(subject_id="P01", age="P34Y", sex="F"),
        session=SessionInfo(session_id="baseline"),
        devices=(DeviceSettings(name="NSP1"),),
        recorded_periods=((0.0, 1.0),),
        events=(WORDS, COMMENTS),
    )
    write_session(target, content)
    return target


def test_each_kind_is_a_table_of_events(path: Path) -> None:
    with NWBHDF5IO(str(path), mode="r") as io:
        events = io.read().events
        assert events["digital_events"]["value"][:].tolist() == [7, 0]
        assert list(events["comments"]["comment"][:]) == ["eyes open", "[removed]"]
        assert events["comments"]["timestamp"][:].tolist() == [0.25, 0.75]


def test_the_meanings_belong_to_the_values(path: Path) -> None:
    with NWBHDF5IO(str(path), mode="r") as io:
        table = io.read().events["digital_events"]
        meanings = table.get_meanings_for_column("value")
        assert meanings.target is table["value"]
        assert dict(zip(meanings["value"][:].tolist(), meanings["meaning"][:], strict=True)) == dict(WORDS.meanings)


def test_time_stamps_have_their_resolution(path: Path) -> None:
    with NWBHDF5IO(str(path), mode="r") as io:
        assert io.read().events["digital_events"]["timestamp"].resolution == pytest.approx(1 / 30000)


def test_the_tables_are_valid(path: Path) -> None:
    assert validate(path=str(path)) == []
