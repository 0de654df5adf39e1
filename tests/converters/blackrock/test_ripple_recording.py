"""Ripple recordings, which are Blackrock's format with numbers of its own."""

from pathlib import Path

import neo.rawio
import numpy as np
import pytest

from nwb_spikeinference_converters.blackrock.nev import read_nev
from tests.converters.vendor_files import (
    SIGNED,
    write_ripple,
    write_ripple_events,
)


def test_ripple_samples_are_kept_bit_for_bit(tmp_path: Path, open_recording) -> None:
    write_ripple(tmp_path / "raw.ns5", SIGNED, [1, 2, 33, 10241], start_tick=600)
    recording = open_recording("ripple", tmp_path / "raw.ns5")
    np.testing.assert_array_equal(recording.read(0, 0, 1280), SIGNED)
    assert [channel.number for channel in recording.channels] == [1, 2, 33, 10241]
    assert [channel.gain for channel in recording.channels[2:]] == pytest.approx([8191e-6 / 32767, 5 / 32767])
    assert recording.blocks[0].start_s == pytest.approx(0.02)


def test_ripple_events_are_read(tmp_path: Path) -> None:
    write_ripple_events(tmp_path / "raw.nev", [(900, 1, 1), (1200, 33, 2)], [(1000, 515)])
    events = read_nev(tmp_path / "raw.nev")
    assert [(int(s["ticks"]), int(s["id"]), int(s["klass"])) for s in events.packets[events.find_spikes()]] == [
        (900, 1, 1),
        (1200, 33, 2),
    ]
    assert events.words(events.find_words()).tolist() == [515]
    reader = neo.rawio.BlackrockRawIO(filename=str(tmp_path / "raw"))
    reader.parse_header()
    assert [int(reader.get_spike_timestamps(spike_channel_index=unit)[0]) for unit in (0, 1)] == [900, 1200]
