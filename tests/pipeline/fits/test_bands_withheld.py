"""What a model of features sees where a band is left out."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from nwb_spikeinference.config import StudySettings
from nwb_spikeinference.inputs import LfpInput
from nwb_spikeinference.pipeline.fits.fit_spec import FitSpec
from nwb_spikeinference.pipeline.fits.withheld_bands import withhold_band
from nwb_spikeinference.signal.band_leaks import leaking_pairs
from nwb_spikeinference.signal.features import columns_of_band, feature_names
from tests.pipeline.planted_cohort import make_cohort

BANDS = StudySettings(sessions=("x",)).band_list()
NAMES = feature_names(BANDS)
PAIRS = [(kept.name, other.name) for kept, other in leaking_pairs(BANDS)]


def make_source() -> LfpInput:
    """Every feature is 1; those of pair k, in which another band is stopped, are 10 + k."""
    plain = make_cohort(drives={}).inputs(("P1",), "neighbour")[0]
    stopped = np.repeat(10 + np.arange(len(PAIRS), dtype=np.float32), 3)
    return replace(
        plain,
        features=np.ones((plain.n_bins, len(NAMES)), np.float32),
        stopped=np.tile(stopped, (plain.n_bins, 1)),
    )


def test_a_band_left_out_is_stopped_in_the_bands_it_leaks_into(tmp_path: Path) -> None:
    spec = FitSpec(
        protocol="unseen-participant",
        model="logistic",
        fold=0,
        train=("P1",),
        test=("P2",),
        predictor="neighbour",
        dropped_band="low_gamma",
    )
    (shown,) = withhold_band([make_source()], spec, NAMES, BANDS, tmp_path)
    for band in ("delta", "theta", "alpha", "beta", "low_gamma", "high_gamma", "high_frequency"):
        expected = 0 if band == "low_gamma" else 1
        if (band, "low_gamma") in PAIRS:
            expected = 10 + PAIRS.index((band, "low_gamma"))
        assert set(shown.features[:, columns_of_band(NAMES, band)].ravel().tolist()) == {expected}, band
