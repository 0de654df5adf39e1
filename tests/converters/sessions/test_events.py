"""Digital words and comments of recorders, on the session's clock."""

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from neo.rawio import BlackrockRawIO

from nwb_spikeinference.errors import InputError, SettingsError
from nwb_spikeinference.nwb.raw.raw_records import RecordedEvents
from nwb_spikeinference.session_config import SessionSettings
from nwb_spikeinference_converters.sessions.event_files import read_blackrock_events, read_neuralynx_events
from nwb_spikeinference_converters.sessions.opened_recordings import open_sources
from nwb_spikeinference_converters.sessions.session_events import SessionEvents, collect_events
from nwb_spikeinference_converters.timing.clock import RecorderClock
from tests.converters.blackrock_files import COMMENT, comment, digital, make_samples, spike, write_nev, write_nsx
from tests.converters.neuralynx_events import write_events

RATE_HZ = 30000
FIRST_TICK = 1500  # of the signal
SECOND = make_samples(RATE_HZ, 2)
ALONE = RecorderClock()


def at(seconds: float) -> int:
    """The recorder's time stamp of a moment of the session."""
    return FIRST_TICK + round(seconds * RATE_HZ)


def collect(
    folder: Path, *files: Sequence[Any], entries: Sequence[dict[str, Any]] = ({},), **settings: Any
) -> SessionEvents:
    """Events of .nev files with these packets beside a signal of two seconds, or the one that is there."""
    if not (folder / "raw.ns6").exists():
        write_nsx(folder / "raw.ns6", [(FIRST_TICK, np.concatenate([SECOND, SECOND]))])
    events = []
    for number, (packets, entry) in enumerate(zip(files, entries, strict=True)):
        write_nev(folder / f"{number}.nev", packets)
        events.append({"format": "blackrock", "file": f"{number}.nev", **entry})
    content = {
        "subject": {"subject_id": "P01"},
        "session": {"session_id": "a"},
        "recordings": [{"format": "blackrock", "file": "raw.ns6"}],
        "events": events,
        **settings,
    }
    checked = SessionSettings.model_validate(content)
    with ExitStack() as stack:
        return collect_events(checked, folder, open_sources(checked, folder, stack))


def only(events: SessionEvents) -> RecordedEvents:
    (table,) = events.tables
    return table


def test_words_are_on_the_clock_of_the_signal(tmp_path: Path) -> None:
    table = only(collect(tmp_path, [digital(at(0.5), 7), digital(at(1.25), 65535)]))
    assert (table.name, table.column, table.resolution_s) == ("digital_events", "value", 1 / RATE_HZ)
    np.testing.assert_allclose(table.times_s, [0.5, 1.25], atol=1e-9)
    assert table.values.tolist() == [7, 65535]


def test_each_value_has_its_meaning_or_is_said_to_have_none(tmp_path: Path) -> None:
    words = [digital(at(0.1), 7), digital(at(0.2), 0)]
    table = only(collect(tmp_path, words, entries=[{"meanings": {7: "stimulus on", 9: "answer"}}]))
    assert dict(table.meanings) == {7: "stimulus on", 9: "answer", 0: "not described"}


def test_words_of_the_serial_port_have_their_own_table(tmp_path: Path) -> None:
    serial = (at(0.3), 0, 0x81, b"\x05\x00")
    tables = collect(tmp_path, [digital(at(0.1), 7), serial]).tables
    assert {table.name: table.values.tolist() for table in tables} == {
        "digital_events": [7],
        "digital_events_serial": [5],
    }


def test_f42_a_comment_keeps_its_text_only_where_it_is_listed(tmp_path: Path) -> None:
    packets = [comment(at(0.1), "seizure of Jane Doe"), comment(at(0.2), "eyes open")]
    table = only(collect(tmp_path, packets, entries=[{"comments": {"eyes open": "rest, eyes open"}}]))
    assert (table.name, table.column, table.values) == ("comments", "comment", ("[removed]", "eyes open"))
    assert dict(table.meanings) == {
        "eyes open": "rest, eyes open",
        "[removed]": "Text that was left out, as it may identify the patient",
    }


def test_f42_a_listed_comment_loses_its_date(tmp_path: Path) -> None:
    packets = [comment(at(0.1), "start 2019-03-14")]
    table = only(collect(tmp_path, packets, entries=[{"comments": {"start 2019-03-14": "begin"}}]))
    assert (table.values, table.meanings) == (("start [removed]",), (("start [removed]", "begin"),))


def test_comments_stay_if_the_session_keeps_what_identifies(tmp_path: Path) -> None:
    table = only(collect(tmp_path, [comment(at(0.1), "tired since 2019-03-14")], deidentify=False))
    assert (table.values, table.meanings[0][1]) == (("tired since 2019-03-14",), "not described")


def test_comments_in_two_bytes_per_character_are_read(tmp_path: Path) -> None:
    wide = (at(0.1), COMMENT, 1, b"\0\0\0\0" + "Müdigkeit".encode("utf-16-le"))
    assert only(collect(tmp_path, [wide], deidentify=False)).values == ("Müdigkeit",)


def test_comments_agree_with_an_independent_reader(tmp_path: Path) -> None:
    path = write_nev(tmp_path / "a.nev", [comment(900, "eyes open"), spike(1000), comment(1200, "eyes closed")])
    reader = BlackrockRawIO(filename=str(tmp_path / "a"), load_nev=True)
    reader.parse_header()
    channel = [name for name, *_ in reader.header["event_channels"]].index("comments")
    stamps, _, labels = reader.get_event_timestamps(event_channel_index=channel)
    ours = read_blackrock_events(path, ALONE)
    assert ours.comments == tuple(label.split("\0")[0] for label in labels)
    np.testing.assert_allclose(ours.comment_times_s, stamps / RATE_HZ)


def test_events_outside_the_recording_are_left_out_and_counted(tmp_path: Path) -> None:
    events = collect(tmp_path, [digital(at(-0.01), 1), digital(at(1), 2), digital(at(2.5), 3)])
    assert only(events).values.tolist() == [2]
    assert events.notes == ("0.nev: 2 events outside the kept recording left out",)


def test_a_clip_keeps_its_events(tmp_path: Path) -> None:
    packets = [digital(at(0.2), 1), digital(at(0.7), 2)]
    assert only(collect(tmp_path, packets, clip={"start_s": 0.5, "stop_s": 1.0})).times_s.tolist() == pytest.approx(
        [0.7]
    )


def test_events_in_a_pause_are_kept(tmp_path: Path) -> None:
    write_nsx(tmp_path / "raw.ns6", [(FIRST_TICK, SECOND), (at(3), SECOND)])
    assert only(collect(tmp_path, [digital(at(2), 1)])).times_s.tolist() == pytest.approx([2.0])


def test_f39_events_of_another_session_are_refused(tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match=r"0\.nev: none of its 2 events lies within the recording \(0 to 2 s; they are"
    ):
        collect(tmp_path, [digital(at(100), 1), digital(at(101), 2)])


def test_files_of_one_recorder_share_a_table_in_time_order(tmp_path: Path) -> None:
    table = only(collect(tmp_path, [digital(at(1), 1)], [digital(at(0.5), 2)], entries=[{}, {}]))
    assert table.values.tolist() == [2, 1]


def test_parts_of_one_recording_are_one_file_of_events(tmp_path: Path) -> None:
    for part, value in ((1, 5), (2, 6)):
        write_nev(tmp_path / f"raw-{part:03d}.nev", [digital(at(part / 2), value)])
    events = collect(tmp_path, [], entries=[{"file": "raw-*.nev"}])
    assert only(events).values.tolist() == [5, 6]
    assert [path.name for path in events.files] == ["raw-001.nev", "raw-002.nev"]


def test_each_recorder_has_its_own_table(tmp_path: Path) -> None:
    entries = [{"nsp": "NSP1", "meanings": {1: "on"}}, {"nsp": "NSP2", "meanings": {1: "off"}}]
    tables = collect(tmp_path, [digital(at(1), 1)], [digital(at(1), 1)], entries=entries).tables
    assert {table.name: table.meanings for table in tables} == {
        "digital_events": ((1, "on"),),
        "digital_events_NSP2": ((1, "off"),),
    }


def test_a_value_with_two_meanings_is_refused(tmp_path: Path) -> None:
    entries = [{"meanings": {1: "on"}}, {"meanings": {1: "off"}}]
    with pytest.raises(SettingsError, match=r"events of 1\.nev: 1 means 'off' here and 'on' in another file"):
        collect(tmp_path, [digital(at(1), 1)], [digital(at(1), 1)], entries=entries)


def test_an_unknown_format_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="events format 'blackrok' is unknown; did you mean 'blackrock'"):
        collect(tmp_path, [], entries=[{"format": "blackrok"}])


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"gone\.nev: no such file"):
        collect(tmp_path, [], entries=[{"file": "gone.nev"}])


def test_f39_spikes_tell_where_the_clock_was_set_back_between_words_far_apart(tmp_path: Path) -> None:
    path = write_nev(tmp_path / "a.nev", [digital(6000, 1), spike(29000), spike(50), digital(24000, 2)])
    words = read_blackrock_events(path, RecorderClock(offsets_s=(0.0, 1.0))).words[0]
    np.testing.assert_allclose(words.times_s, [0.2, 1.8])


def test_a_comment_stamped_when_it_was_begun_sets_no_clock_back(tmp_path: Path) -> None:
    path = write_nev(tmp_path / "a.nev", [comment(50, "first"), spike(60000), comment(10000, "late"), spike(61000)])
    np.testing.assert_allclose(read_blackrock_events(path, ALONE).comment_times_s, [50 / RATE_HZ, 1 / 3])


def test_a_file_of_comments_alone_is_read(tmp_path: Path) -> None:
    path = write_nev(tmp_path / "a.nev", [comment(3000, "x")])
    assert read_blackrock_events(path, ALONE).comment_times_s.tolist() == [0.1]


def test_words_and_comments_of_a_real_neuralynx_file(shared_data: Path) -> None:
    content = read_neuralynx_events(shared_data / "neuralynx" / "v5_5_1" / "Events.nev", ALONE)
    (words,) = content.words
    assert words.values.tolist() == [2, 0]
    assert words.times_s.tolist() == [26379.492742, 26379.696805]
    assert content.comments == ("Starting Recording", "Starting Recording")


def test_events_of_a_real_neuralynx_recording_lie_in_its_second_block(shared_data: Path) -> None:
    entry = {"format": "neuralynx", "file": "."}
    settings = SessionSettings.model_validate(
        {
            "subject": {"subject_id": "P01"},
            "session": {"session_id": "a"},
            "recordings": [entry],
            "events": [{**entry, "file": "Events.nev", "meanings": {2: "pulse", 0: "none"}}],
        }
    )
    folder = shared_data / "neuralynx" / "v5_5_1"
    with ExitStack() as stack:
        events = collect_events(settings, folder, open_sources(settings, folder, stack))
    words, comments = events.tables
    first_s = 26122.557633  # first record of Tet3a.ncs
    np.testing.assert_allclose(words.times_s, [26379.492742 - first_s, 26379.696805 - first_s], atol=1e-9)
    np.testing.assert_allclose(comments.times_s, [26122.558117 - first_s, 26366.361117 - first_s], atol=1e-9)
    assert dict(comments.meanings) == {"Starting Recording": "The recorder started to write"}
    assert events.notes == ()


def test_each_port_of_a_neuralynx_recorder_is_told_apart(tmp_path: Path) -> None:
    text = "TTL {} on AcqSystem1_0 board {} port {} value (0x{:04X})."
    records = [
        (1_000_000, 2, text.format("Input", 0, 0, 2)),
        (2_000_000, 4, text.format("Input", 0, 1, 4)),
        (3_000_000, 1, text.format("Output", 0, 0, 1)),
    ]
    words = read_neuralynx_events(write_events(tmp_path / "Events.nev", records), ALONE).words
    assert {one.port: one.values.tolist() for one in words} == {"": [2], "board0port1": [4], "output": [1]}


def test_a_text_that_a_program_sent_to_neuralynx_is_a_comment_and_its_value_a_word(tmp_path: Path) -> None:
    path = write_events(tmp_path / "Events.nev", [(1_500_000, 256, "Test Event"), (1_600_000, 0, "hello")])
    content = read_neuralynx_events(path, ALONE)
    assert content.comments == ("Test Event", "hello")
    assert [(one.values.tolist(), one.times_s.tolist()) for one in content.words] == [([256], [1.5])]


def test_f39_a_truncated_neuralynx_file_is_refused(tmp_path: Path) -> None:
    path = write_events(tmp_path / "Events.nev", [(1_500_000, 256, "Test Event")])
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(InputError, match=r"Events\.nev: truncated in the middle of a record"):
        read_neuralynx_events(path, ALONE)
