"""What the inner split decides, on data whose answer is known."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import expit

from nwb_spikeinference.inputs import TrainingInput
from nwb_spikeinference.models.inner import bits_per_spike, common_slope, head_slopes, split_inner


def wrap(source) -> TrainingInput:
    return TrainingInput(lfp=source, bins=source.valid)


def test_a_fifth_of_the_participants_is_left_out(make_input) -> None:
    training = [wrap(make_input(participant=f"P{k}", n_bins=100)) for k in range(10) for _ in range(2)]
    inner, watched = split_inner(training, 10, np.random.default_rng(0))
    left_out = {item.lfp.participant for item in watched}
    assert len(left_out) == 2
    assert not left_out & {item.lfp.participant for item in inner}
    assert len(inner) + len(watched) == len(training)


def test_of_one_participant_the_end_is_left_out_with_a_gap(make_input) -> None:
    inner, watched = split_inner([wrap(make_input(n_bins=1000))], 50, np.random.default_rng(0))
    assert np.flatnonzero(inner[0].bins).tolist() == list(range(750))
    assert np.flatnonzero(watched[0].bins).tolist() == list(range(800, 1000))


def test_log_odds_that_are_twice_too_steep_have_slope_one_half(make_input) -> None:
    rng = np.random.default_rng(0)
    units = []
    for intercept in (-3.0, -1.5):
        drive = rng.standard_normal(60_000)
        units.append((2 * drive, rng.random(60_000) < expit(intercept + drive)))
    assert common_slope(units) == pytest.approx(0.5, abs=0.02)


def test_log_odds_that_say_nothing_keep_their_slope() -> None:
    assert common_slope([(np.zeros(1000), np.arange(1000) % 7 == 0)]) == 1.0


def test_a_head_with_few_spikes_keeps_its_slope(make_input) -> None:
    source = make_input(n_bins=2000)
    silent = replace(source, counts=np.zeros_like(source.counts))
    log_odds = np.random.default_rng(0).standard_normal((2000, 3)).astype(np.float32)
    assert head_slopes([wrap(silent)], [log_odds]).tolist() == [1, 1, 1]


def test_the_mean_rate_gains_nothing_and_the_truth_gains(make_input) -> None:
    source = make_input(n_bins=20_000)
    truth = np.zeros((20_000, 3), np.float32)
    truth[:, :2] = 1.2 * source.features[:, :2]
    assert bits_per_spike([wrap(source)], [np.zeros_like(truth)]) == 0
    assert bits_per_spike([wrap(source)], [truth]) > 0.2
