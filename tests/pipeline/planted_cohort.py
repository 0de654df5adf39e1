"""Cohorts in memory, whose units follow chosen feature columns."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from scipy.ndimage import gaussian_filter1d

from nwb_spikeinference.pipeline.fits.cohort import Cohort
from nwb_spikeinference.pipeline.sessions.bins import Grid
from nwb_spikeinference.pipeline.sessions.prepared import (
    BundleDischarges,
    PreparedInputs,
    PreparedSession,
    PreparedUnit,
    Subject,
)
from nwb_spikeinference.recordings import UnitKey
from nwb_spikeinference.regions import Hemisphere

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
        tasks=tuple(participants),
        cell_types={UnitKey(name, "one", 0): "excitatory" for name in participants},
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
) -> PreparedSession:
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
    unit = PreparedUnit(
        row=0,
        unit_id=1,
        bundle="A",
        region="hippocampus",
        hemisphere="left",
        n_spikes=int(counts.sum()),
        rate_hz=float(counts.mean() / BIN_S),
        trough_to_peak_ms=None,
        snr=None,
        isi_violations=0.0,
        excluded_reason=None,
    )
    share = float(left_out.mean())
    inputs = PreparedInputs(
        of_unit=np.zeros(1, np.int64),
        features=features[None],
        trace_uv=np.zeros((1, N_BINS), np.float32),
        valid=~left_out[None],
        discharge=left_out[None],
        covered=np.ones((1, N_BINS), dtype=bool),
    )
    return PreparedSession(
        participant=participant,
        session="one",
        file=f"{participant}.nwb",
        subject=Subject(),
        grid=Grid(start_s=0.0, bin_s=BIN_S, n_bins=N_BINS),
        features=tuple(names),
        samples_per_bin=0,
        bundles=1,
        wires=8,
        units=(unit,),
        duplicates=(),
        discharges=(BundleDischarges(bundle="A", n=3 if share else 0, share_of_time=share),),
        notes=(),
        counts=counts[:, None],
        inputs={"neighbour": inputs},
    )


def with_inputs(session: PreparedSession, **changes: Any) -> PreparedSession:
    """The session with other arrays of its LFP inputs."""
    return replace(session, inputs={"neighbour": replace(session.inputs["neighbour"], **changes)})


def moved_to(cohort: Cohort, participants: Sequence[str], region: str, hemisphere: Hemisphere) -> Cohort:
    """The cohort with the units of some participants at another place."""

    def moved(session: PreparedSession) -> PreparedSession:
        if session.participant not in participants:
            return session
        return replace(
            session, units=tuple(replace(unit, region=region, hemisphere=hemisphere) for unit in session.units)
        )

    return replace(cohort, sessions=tuple(moved(session) for session in cohort.sessions))
