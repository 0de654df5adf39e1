"""Cohorts in memory, whose units follow chosen feature columns."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from scipy.ndimage import gaussian_filter1d

from nwb_spikeinference.pipeline.fits.cohort import Cohort
from nwb_spikeinference.pipeline.tasks.store import TaskResult

N_BINS = 4000
BIN_S = 0.005
BANDS = ("theta", "low_gamma")
PER_BAND = ("trace", "quadrature", "log_envelope")
BAND_COLUMNS = tuple(f"{band}:{kind}" for band in BANDS for kind in PER_BAND)
WIDE_COLUMNS = tuple(
    f"wide:{kind}"
    for kind in ("motor_potential", "phase_cosine", "phase_sine", "aperiodic_offset", "aperiodic_exponent")
)


def make_cohort(
    *,
    participants: Sequence[str] = ("P1", "P2", "P3"),
    names: Sequence[str] = BAND_COLUMNS + WIDE_COLUMNS,
    drives: Mapping[str, float],
    copies: Mapping[str, str] | None = None,
    silent: Sequence[str] = (),
    discharge: slice = slice(0, 0),
) -> Cohort:
    """
    One unit per participant, on an input of its own.

    Parameters
    ----------
    drives : mapping
        Column -> log-odds of a spike per standard deviation of it; nothing else moves the unit.
    copies : mapping, optional
        Column -> the column that it repeats.
    silent : sequence of str
        Columns that are 0 throughout.
    discharge : slice
        Bins left out for discharges, in which the unit fires against what drives it elsewhere.
    """
    return Cohort(
        sessions=tuple(
            _make_session(name, number, names, drives, copies or {}, silent, discharge)
            for number, name in enumerate(participants)
        ),
        keys=tuple(participants),
        cell_types={(name, "one", 1): "excitatory" for name in participants},
        excluded={},
        type_method="planted",
        feature_names=tuple(names),
    )


def _make_session(
    participant: str,
    seed: int,
    names: Sequence[str],
    drives: Mapping[str, float],
    copies: Mapping[str, str],
    silent: Sequence[str],
    discharge: slice,
) -> TaskResult:
    rng = np.random.default_rng(seed)
    features = gaussian_filter1d(rng.standard_normal((N_BINS, len(names))), 2, axis=0).astype(np.float32)
    features /= features.std(axis=0)
    for column, source in copies.items():
        features[:, names.index(column)] = features[:, names.index(source)]
    features[:, [names.index(column) for column in silent]] = 0.0
    drive = sum(strength * features[:, names.index(column)] for column, strength in drives.items())
    left_out = np.zeros(N_BINS, dtype=bool)
    left_out[discharge] = True
    log_odds = np.where(left_out, -drive, drive) - 2.0
    counts = (rng.random(N_BINS) < 1 / (1 + np.exp(-log_odds))).astype(np.uint8)
    unit = {"unit_id": 1, "bundle": "A", "region": "hippocampus", "hemisphere": "left", "n_spikes": int(counts.sum())}
    share = float(left_out.mean())
    return TaskResult(
        arrays={
            "counts": counts[:, None],
            "neighbour_features": features[None],
            "neighbour_valid": ~left_out[None],
            "neighbour_discharge": left_out[None],
            "neighbour_covered": np.ones((1, N_BINS), dtype=bool),
            "neighbour_of_unit": np.zeros(1, np.int64),
        },
        facts={
            "participant": participant,
            "subject": {"sex": None, "age_years": None, "points": []},
            "session": "one",
            "features": list(names),
            "grid": {"start_s": 0.0, "bin_s": BIN_S, "n_bins": N_BINS},
            "bundles": 1,
            "wires": 8,
            "units": [unit | {"rate_hz": float(counts.mean() / BIN_S)}],
            "duplicates": [],
            "discharges": [{"bundle": "A", "n": 3 if share else 0, "share_of_time": share}],
            "notes": [],
        },
    )


def moved_to(cohort: Cohort, participants: Sequence[str], region: str, hemisphere: str) -> Cohort:
    """The cohort with the units of some participants at another place."""

    def moved(session: TaskResult) -> TaskResult:
        if session.facts["participant"] not in participants:
            return session
        units = [unit | {"region": region, "hemisphere": hemisphere} for unit in session.facts["units"]]
        return TaskResult(arrays=session.arrays, facts=session.facts | {"units": units})

    return replace(cohort, sessions=tuple(moved(session) for session in cohort.sessions))
