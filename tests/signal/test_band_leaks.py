"""What of a band that is left out still stands in the others."""

import numpy as np
import pytest

from nwb_spikeinference.bands import Band, default_bands
from nwb_spikeinference.signal.band_leaks import leaking_pairs
from nwb_spikeinference.signal.features import PER_BAND, feature_names, stream_features

RATE_HZ = 1000.0
BANDS = default_bands(60)
CENTRES = np.arange(2000, 18_000, 5)


def features_of(frequency_hz: float) -> dict[str, float]:
    """Amplitude of a sine of 1 V in the traces of all bands, and in those that stop another one."""
    trace = np.sin(2 * np.pi * frequency_hz * np.arange(20_000) / RATE_HZ)
    pairs = leaking_pairs(BANDS)
    pieces = stream_features(
        lambda start, stop: trace[start:stop], len(trace), RATE_HZ, BANDS, CENTRES, wide_band=False, leaks=pairs
    )
    rows = np.concatenate([rows for _, rows in pieces])
    plain = {name: column for column, name in enumerate(feature_names(BANDS)) if name.endswith(":trace")}
    found = {name: float(np.abs(rows[:, column]).max()) for name, column in plain.items()}
    for number, (kept, other) in enumerate(pairs):
        column = len(feature_names(BANDS)) + number * len(PER_BAND)
        found[f"{kept.name} without {other.name}"] = float(np.abs(rows[:, column]).max())
    return found


def test_bands_side_by_side_leak_into_each_other_and_distant_ones_do_not() -> None:
    pairs = {(kept.name, other.name) for kept, other in leaking_pairs(BANDS)}
    assert {("beta", "low_gamma"), ("low_gamma", "beta"), ("high_gamma", "low_gamma")} <= pairs
    assert not pairs & {("theta", "low_gamma"), ("low_gamma", "theta"), ("high_frequency", "low_gamma")}


def test_pairs_do_not_depend_on_the_order_of_the_bands() -> None:
    assert set(leaking_pairs(BANDS)) == set(leaking_pairs(BANDS[::-1]))


def test_a_rhythm_of_low_gamma_stands_in_beta_unless_it_is_stopped() -> None:
    found = features_of(38.0)
    assert found["beta:trace"] > 0.08
    assert found["beta without low_gamma"] < 0.002


def test_what_a_band_holds_of_its_own_stays_when_its_neighbour_is_stopped() -> None:
    found = features_of(20.0)
    assert found["beta without low_gamma"] == pytest.approx(found["beta:trace"], rel=0.05)


def test_overlapping_bands_leak() -> None:
    wide, narrow = Band(name="wide", low_hz=20, high_hz=60), Band(name="narrow", low_hz=35, high_hz=45)
    assert set(leaking_pairs((wide, narrow))) == {(wide, narrow), (narrow, wide)}
