"""Counting spikes in bins."""

import numpy as np

from nwb_spikeinference.signal.binning import bin_spikes

BIN_S = 0.005


def test_a_spike_lies_in_the_bin_that_begins_at_it() -> None:
    edges_s = 10.0 + np.arange(2000) * BIN_S  # most of them not exact in binary
    np.testing.assert_array_equal(bin_spikes(edges_s, 10.0, BIN_S, 2000), 1)


def test_a_spike_one_sample_before_an_edge_lies_in_the_bin_that_ends_there() -> None:
    times_s = 10.0 + np.arange(1, 2001) * BIN_S - 1 / 30_000
    np.testing.assert_array_equal(bin_spikes(times_s, 10.0, BIN_S, 2000), 1)


def test_spikes_of_a_bin_are_counted() -> None:
    times_s = np.array([0.001, 0.002, 0.0049, 0.0125, 0.0149])
    np.testing.assert_array_equal(bin_spikes(times_s, 0.0, BIN_S, 4), [3, 0, 2, 0])


def test_f30_order_does_not_matter() -> None:
    times_s = np.random.default_rng(0).uniform(0, 1, 300)
    np.testing.assert_array_equal(bin_spikes(times_s, 0.0, BIN_S, 200), bin_spikes(np.sort(times_s), 0.0, BIN_S, 200))


def test_f30_spikes_outside_the_bins_are_left_out() -> None:
    times_s = np.array([-3.0, -1e-4, 0.02, 5.0, np.nan, np.inf])
    np.testing.assert_array_equal(bin_spikes(times_s, 0.0, BIN_S, 4), 0)


def test_no_spikes_make_empty_bins() -> None:
    np.testing.assert_array_equal(bin_spikes(np.array([]), 0.0, BIN_S, 3), [0, 0, 0])


def test_counts_stop_at_255() -> None:
    assert bin_spikes(np.full(300, 0.001), 0.0, BIN_S, 1)[0] == 255
