"""
How 98.8 % accuracy is reached without inferring anything: the numbers of docs/accuracy.md.

Simulated participants whose LFP has nothing to do with their units: the spikes follow other latents than the field. One
unit each, of 2.4 Hz, so that 98.8 % of the bins of 5 ms are silent. Lagged logistic regression predicts the units of
participants that it has not seen, and is scored in every way. Beside it, overlapping windows of LFP are split at random
and judged by their nearest neighbours.

    .venv/bin/python scripts/accuracy_of_silence.py     # a minute
"""

import argparse

import numpy as np
from scipy.special import expit
from sklearn.neighbors import KNeighborsClassifier

from nwb_spikeinference.bands import default_bands
from nwb_spikeinference.evaluation.metrics import UnitScores, mean_scores, score_unit
from nwb_spikeinference.evaluation.splits import UnitInfo, contiguous_split, participant_folds
from nwb_spikeinference.inputs import LfpInput, TrainingInput, all_columns, log_odds_of_rate
from nwb_spikeinference.models.logistic import LogisticModel
from nwb_spikeinference.recordings import FloatArray, IntArray
from nwb_spikeinference.signal.binning import bin_spikes
from nwb_spikeinference.signal.features import standardise, stream_features
from nwb_spikeinference.simulate.field import bundle_lfp
from nwb_spikeinference.simulate.latents import RATE_HZ as LFP_HZ
from nwb_spikeinference.simulate.latents import draw_gamma_centre_hz, make_latents
from nwb_spikeinference.simulate.spikes import RAW_RATE_HZ, draw_spikes, shared_intensity
from nwb_spikeinference.simulate.worlds import find_world

BIN_S = 0.005
UNIT_HZ = 2.4
LINE_HZ = 60
EDGE_BINS = 100  # half a second, where filters have not settled
WINDOW_BINS = 100  # half a second
CALIBRATION_SHARE = 0.3  # of an unseen participant's recording, for the rate; the rest is scored
N_NEIGHBOURS = 5


def simulate_input(seed: int, index: int, seconds: float) -> LfpInput:
    """LFP of one participant and the spikes of a unit that follows other latents."""
    field_rng, unit_rng = (np.random.default_rng([seed, index, side]) for side in range(2))
    n_samples, world = round(seconds * LFP_HZ), find_world("null")
    seen = make_latents(field_rng, n_samples, draw_gamma_centre_hz(field_rng))
    hidden = make_latents(unit_rng, n_samples, draw_gamma_centre_hz(unit_rng))
    trace = bundle_lfp(field_rng, seen, world, polarity=1.0, n_wires=1, line_hz=LINE_HZ)[:, 0] * 1e-6
    spikes = draw_spikes(unit_rng, shared_intensity(hidden, world, "excitatory", UNIT_HZ))
    per_bin = round(BIN_S * LFP_HZ)
    n_bins = n_samples // per_bin
    centres = np.arange(n_bins) * per_bin + per_bin // 2
    pieces = stream_features(
        lambda a, b: trace[a:b], n_samples, LFP_HZ, default_bands(LINE_HZ), centres, wide_band=False
    )
    features = np.concatenate([rows for _, rows in pieces])
    valid = np.zeros(n_bins, dtype=bool)
    valid[EDGE_BINS:-EDGE_BINS] = True
    standardise(features, valid)
    return LfpInput(
        participant=f"S{index + 1:02d}",
        session="simulated",
        bundle="",
        region=None,
        hemisphere=None,
        bin_s=BIN_S,
        features=features,
        valid=valid,
        discharge=np.zeros(n_bins, dtype=bool),
        segments=(slice(0, n_bins),),
        counts=bin_spikes(spikes / RAW_RATE_HZ, 0.0, BIN_S, n_bins)[:, None].astype(np.uint8),
        unit_rows=(1,),
        cell_types=("excitatory",),
        raw=(trace / trace.std()).reshape(n_bins, per_bin),
    )


def score_unseen(inputs: list[LfpInput], n_folds: int) -> list[UnitScores]:
    """Scores of every unit by logistic regression that has not seen its participant, at a probability of one half."""
    units = [
        UnitInfo(participant=one.participant, session="", row=1, region=None, hemisphere=None, cell_type="excitatory")
        for one in inputs
    ]
    scores = []
    for fold in participant_folds(units, n_folds, seed=0).folds:
        model = LogisticModel(BIN_S)
        training = [TrainingInput(lfp=one, bins=one.valid) for one in inputs if one.participant in fold.train]
        model.fit(training, all_columns(inputs[0]), np.random.SeedSequence(fold.index))
        tested = [one for one in inputs if one.participant in fold.held_out]
        scores += [score_one(one, above[:, 0]) for one, above in zip(tested, model.predict(tested), strict=True)]
    return scores


def score_one(source: LfpInput, log_odds: FloatArray) -> UnitScores:
    """Scores of one unit; its rate comes from the first part of the recording, which is not scored."""
    calibration = source.valid & (np.cumsum(source.valid) <= CALIBRATION_SHARE * source.valid.sum())
    tested = source.valid & ~calibration
    intercept = float(log_odds_of_rate(source.counts, calibration)[0])
    rate = float(expit(intercept))
    return score_unit(log_odds[tested] + intercept, source.counts[tested, 0], train_rate_per_bin=rate, threshold=0.0)


def score_windows(source: LfpInput, *, at_random: bool) -> UnitScores:
    """Score windows of half a second, one per bin, by the share of their nearest neighbours that hold a spike."""
    rows, holds_spike = cut_windows(source)
    if at_random:
        order = np.random.default_rng(0).permutation(len(rows))
        train, test = np.split(order, [round(0.7 * len(order))])
    else:
        split = contiguous_split(len(rows), BIN_S, 0.7, 1.0)
        everything = np.arange(len(rows))
        train, test = everything[split.train[0]], everything[split.test]
    model = KNeighborsClassifier(N_NEIGHBOURS).fit(rows[train], holds_spike[train])
    n_spiking = N_NEIGHBOURS * model.predict_proba(rows[test])[:, 1]
    log_odds = np.log((n_spiking + 0.5) / (N_NEIGHBOURS - n_spiking + 0.5))
    return score_unit(log_odds, holds_spike[test], train_rate_per_bin=float(holds_spike[train].mean()), threshold=0.0)


def cut_windows(source: LfpInput) -> tuple[FloatArray, IntArray]:
    """One window of LFP per bin, and whether it holds a spike."""
    assert source.raw is not None
    rows = np.lib.stride_tricks.sliding_window_view(source.raw[:, 0], WINDOW_BINS)
    spikes = np.lib.stride_tricks.sliding_window_view(source.counts[:, 0], WINDOW_BINS)
    return rows, spikes.max(axis=1).clip(max=1).astype(np.int64)


def table_row(name: str, scores: list[UnitScores]) -> str:
    """One line of the table: means over units."""
    mean = mean_scores(scores)
    values = (mean.accuracy, mean.majority_accuracy, mean.roc_auc, mean.bits_per_spike)
    cells = ("" if value is None else f"{value:.3f}" for value in values)
    return f"| {name} | {' | '.join(cells)} |"


def main() -> None:
    """Simulate, score, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--participants", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    inputs = [simulate_input(options.seed, index, options.seconds) for index in range(options.participants)]
    rate_alone = [score_one(one, np.zeros(one.n_bins)) for one in inputs]
    unseen = score_unseen(inputs, n_folds=5)
    n_spikes = np.array([one.n_spikes for one in unseen])
    error = 0.29 * np.sqrt(np.sum(1 / n_spikes)) / len(n_spikes)
    print(f"{len(inputs)} units of as many participants, {options.seconds:g} s each: {n_spikes.sum()} spikes scored")
    print(f"standard error of the mean ROC-AUC (bins of 5 ms): {error:.3f}\n")
    print("| predicted by | accuracy | majority | ROC-AUC | bits/spike |")
    print("|---|---|---|---|---|")
    print(table_row("the mean rate alone, bins of 5 ms", rate_alone))
    print(table_row("logistic regression, bins of 5 ms, unseen participants", unseen))
    at_random = [score_windows(one, at_random=True) for one in inputs]
    print(table_row("nearest neighbours, overlapping windows of 0.5 s split at random", at_random))
    in_time = [score_windows(one, at_random=False) for one in inputs]
    print(table_row("nearest neighbours, the same windows split in time", in_time))


if __name__ == "__main__":
    main()
