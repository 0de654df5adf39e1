"""
What action potentials on a unit's own wire do to its predictability, and what despiking leaves of that.

The world `bleed` is simulated twice from the same seed, without and with action potentials. A lagged logistic
regression then predicts the excitatory units of every participant from those of the others. One row per predictor; the
last column compares with the same wires without action potentials and without despiking.

    .venv/bin/python scripts/bleed_study.py                       # two minutes
    .venv/bin/python scripts/bleed_study.py --missed-spikes 0.1   # worse sorting
"""

import argparse
from collections.abc import Iterator, Sequence

import numpy as np

from nwb_spikeinference.bands import default_bands
from nwb_spikeinference.evaluation.metrics import roc_auc
from nwb_spikeinference.inputs import LfpInput, TrainingInput, all_columns
from nwb_spikeinference.models.logistic import LogisticModel
from nwb_spikeinference.recordings import FloatArray
from nwb_spikeinference.signal.binning import bin_spikes
from nwb_spikeinference.signal.decimate import decimate_stream
from nwb_spikeinference.signal.despike import (
    SpikeTemplate,
    make_template,
    spike_band_sd,
    subtract_templates,
    sum_around_spikes,
    wires_showing_unit,
)
from nwb_spikeinference.signal.despike_gls import make_gls_template, noise_power
from nwb_spikeinference.signal.features import standardise, stream_features
from nwb_spikeinference.signal.filter_bank import FilterBank, notch_gain
from nwb_spikeinference.signal.predictors import neighbour_trace
from nwb_spikeinference.simulate.simulated_session import SimulatedSession, SimulatedUnit
from nwb_spikeinference.simulate.simulated_study import SimulationSettings, simulate_session

BIN_S, LFP_HZ, LINE_HZ, EDGE_BINS, MIN_SPIKES = 0.005, 1000.0, 60, 100, 15
BANDS = default_bands(LINE_HZ)
Traces = dict[str, list[LfpInput]]


def make_lfp(raw: FloatArray, rate_hz: float) -> FloatArray:
    """Decimate and notch raw voltage of shape (n_samples, n_wires)."""
    lfp = np.concatenate(list(decimate_stream([raw], rate_hz, LFP_HZ)))
    bank = FilterBank([notch_gain(LINE_HZ, LFP_HZ)], LFP_HZ)
    pieces = bank.filter(lambda start, stop: lfp[start:stop], len(lfp))
    return np.concatenate([piece.output(0) for piece in pieces])


def make_input(trace: FloatArray, unit: SimulatedUnit, participant: str) -> LfpInput:
    """Features of a trace, with the one unit that they are to predict."""
    per_bin = round(BIN_S * LFP_HZ)
    n_bins = len(trace) // per_bin
    centres = np.arange(n_bins) * per_bin + per_bin // 2
    pieces = stream_features(lambda a, b: trace[a:b], len(trace), LFP_HZ, BANDS, centres, wide_band=True)
    features = np.concatenate([rows for _, rows in pieces])
    valid = np.zeros(n_bins, dtype=bool)
    valid[EDGE_BINS:-EDGE_BINS] = True
    standardise(features, valid)
    return LfpInput(
        participant=participant,
        session="simulated",
        bundle="",
        region=None,
        hemisphere=None,
        bin_s=BIN_S,
        features=features,
        valid=valid,
        discharge=np.zeros(len(valid), bool),
        segments=(slice(0, n_bins),),
        counts=bin_spikes(unit.sorted_samples / 30_000.0, 0.0, BIN_S, n_bins)[:, None].astype(np.uint8),
        unit_rows=(unit.number,),
        cell_types=(unit.cell_type,),
    )


def session_inputs(session: SimulatedSession) -> Iterator[tuple[str, LfpInput]]:
    """Inputs of all excitatory units: predictor's name, input."""
    volts = np.float32(session.conversion)
    whole = np.concatenate([block * volts for block in session.raw_blocks()])
    for bundle in session.bundles:
        raw = np.ascontiguousarray(whole[:, [session.channels.index(channel) for channel in bundle.channels]])
        units = [unit for unit in session.units if unit.channel in bundle.channels]
        wires = [bundle.channels.index(unit.channel) for unit in units]
        shown, templates = learn_units(raw, session.raw_rate_hz, units, wires)
        lfp = {"own": make_lfp(raw, session.raw_rate_hz)}
        for name, found in templates.items():
            lfp[name] = make_lfp(subtract_templates(raw, 0, found), session.raw_rate_hz)
        for unit, wire, excluded in zip(units, wires, shown, strict=True):
            if unit.cell_type != "excitatory":
                continue
            neighbours = neighbour_trace(lfp["own-despiked"], wire, excluded)
            traces = {name: signal[:, wire] for name, signal in lfp.items()} | {"neighbour": neighbours}
            for name, trace in traces.items():
                yield name, make_input(trace, unit, session.participant)


def learn_units(
    raw: FloatArray, rate_hz: float, units: Sequence[SimulatedUnit], wires: Sequence[int]
) -> tuple[list[np.ndarray], dict[str, list[SpikeTemplate]]]:
    """Wires that show each unit, and its template by either method."""

    def read(start: int, stop: int) -> FloatArray:
        return raw[start:stop]

    trains = [unit.sorted_samples for unit in units]
    sums = sum_around_spikes(read, len(raw), rate_hz, trains)
    sd_v, power = spike_band_sd(read, len(raw), rate_hz), noise_power(read, len(raw), rate_hz)
    means = [sums.mean(k) for k in range(len(units))]
    shown = [wires_showing_unit(mean, int(n), rate_hz, sd_v) for mean, n in zip(means, sums.n_spikes, strict=True)]
    placed = list(zip(means, wires, trains, strict=True))
    return shown, {
        "own-despiked": [make_template(mean, rate_hz, wire, train) for mean, wire, train in placed],
        "own-despiked, gls": [
            make_gls_template(mean, rate_hz, wire, train, power, [train]) for mean, wire, train in placed
        ],
    }


def mean_auc(inputs: Sequence[LfpInput]) -> tuple[float, int]:
    """Mean ROC-AUC over units, each predicted by a model that other participants trained; and how many units."""
    areas = []
    for participant in sorted({one.participant for one in inputs}):
        training = [TrainingInput(lfp=one, bins=one.valid) for one in inputs if one.participant != participant]
        tested = [one for one in inputs if one.participant == participant]
        model = LogisticModel(BIN_S)
        model.fit(training, all_columns(tested[0]), np.random.SeedSequence(0))
        for one, log_odds in zip(tested, model.predict(tested), strict=True):
            counts = one.counts[one.valid, 0]
            if counts.sum() >= MIN_SPIKES:
                areas.append(roc_auc(log_odds[one.valid, 0], counts))
    return float(np.mean([area for area in areas if area is not None])), len(areas)


def run(settings: SimulationSettings) -> dict[str, tuple[float, int]]:
    """Mean AUC and number of units by predictor."""
    inputs: Traces = {}
    for index in range(settings.participants):
        for name, one in session_inputs(simulate_session(settings, index)):
            inputs.setdefault(name, []).append(one)
    return {name: mean_auc(members) for name, members in inputs.items()}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--participants", type=int, default=6)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--world", default="bleed")
    for option in ("--electrode-drift", "--amplitude-jitter", "--missed-spikes"):
        parser.add_argument(option, type=float, default=0.0)
    options = vars(parser.parse_args())
    without = run(SimulationSettings(**options, ap_uv=0.0))
    with_them = run(SimulationSettings(**options))
    print(f"ROC-AUC, unseen participants: {options['participants']} of {options['seconds']:g} s")
    print(f"{'predictor':20} {'units':>5} {'no spikes':>9} {'spikes':>9} {'against untouched':>18}")
    for name, (area, n_units) in with_them.items():
        untouched = without["neighbour" if name == "neighbour" else "own"][0]
        print(f"{name:20} {n_units:5} {without[name][0]:9.4f} {area:9.4f} {area - untouched:+18.4f}")


if __name__ == "__main__":
    main()
