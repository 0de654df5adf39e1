"""Spike times of sorters on the session's clock."""

import numpy as np

from nwb_spikeinference_converters.protocol import RawBlock
from nwb_spikeinference_converters.sessions.session_units import recorded_to_session

BLOCKS = (
    RawBlock(start_s=2.0, n_samples=1000),
    RawBlock(start_s=10.0, n_samples=500),
    RawBlock(start_s=20.0, n_samples=1),
)


def test_recorded_seconds_go_to_the_block_that_holds_them() -> None:
    times_s = recorded_to_session(np.array([0.0, 0.999, 1.0, 1.499, 1.5]), BLOCKS, 1000.0)
    np.testing.assert_allclose(times_s, [2.0, 2.999, 10.0, 10.499, 20.0])


def test_recorded_seconds_beyond_the_end_stay_beyond_it() -> None:
    np.testing.assert_allclose(recorded_to_session(np.array([4.501]), BLOCKS, 1000.0), [23.001])


def test_recorded_seconds_before_the_start_stay_before_it() -> None:
    np.testing.assert_allclose(recorded_to_session(np.array([-0.5]), BLOCKS, 1000.0), [1.5])


def test_recorded_seconds_pass_at_the_measured_rate() -> None:
    fast = (RawBlock(start_s=0.0, n_samples=10_000_000, rate_hz=30000.6),)  # 20 ppm
    np.testing.assert_allclose(recorded_to_session(np.array([300.0]), fast, 30000.0), [300 / 1.00002])
