"""One clock for a recorder that was paused or set back."""

import numpy as np
import pytest

from nwb_spikeinference.errors import InputError
from nwb_spikeinference_converters.clock import place_blocks, unroll_ticks


def test_a_pause_keeps_the_recorders_clock() -> None:
    blocks, offsets = place_blocks([0.0, 31.0], [4000, 4000], 1000.0)
    assert [block.start_s for block in blocks] == [0.0, 31.0]
    assert offsets == (0.0,)


def test_a_clock_that_was_set_back_goes_on_where_the_previous_block_ended() -> None:
    blocks, offsets = place_blocks([0.0, 0.5], [4000, 4000], 1000.0)
    assert [block.start_s for block in blocks] == [0.0, 4.5]
    assert offsets == (0.0, 4.0)


def test_blocks_that_overlap_by_a_sample_of_rounding_are_no_reset() -> None:
    blocks, offsets = place_blocks([0.0, 3.9995], [4000, 4000], 1000.0)
    assert [block.start_s for block in blocks] == [0.0, 4.0]
    assert offsets == (0.0,)


def test_packets_after_a_reset_follow_those_before_it() -> None:
    seconds = unroll_ticks(np.array([0, 60000, 90000, 15000, 30000]), 30000.0, (0.0, 4.0), "a.nev")
    np.testing.assert_allclose(seconds, [0, 2, 3, 4.5, 5])


def test_packets_of_one_buffer_may_be_out_of_order() -> None:
    seconds = unroll_ticks(np.array([0, 300, 200]), 30000.0, (0.0,), "a.nev")
    np.testing.assert_allclose(seconds, [0, 0.01, 200 / 30000])


def test_more_resets_than_the_recording_had_are_refused() -> None:
    with pytest.raises(InputError, match=r"a\.nev: its clock was set back 1 times, .* 0 times"):
        unroll_ticks(np.array([90000, 15000]), 30000.0, (0.0,), "a.nev")
