"""Baselines on data whose answer is known."""

import numpy as np
import pytest
from scipy.special import expit

from nwb_spikeinference.config import StudySettings
from nwb_spikeinference.evaluation.metrics import calibration_slope, roc_auc
from nwb_spikeinference.inputs import FeatureColumns, TrainingInput, log_odds_of_rate
from nwb_spikeinference.models.lagged import lag_offsets, lagged_rows
from nwb_spikeinference.models.logistic import LogisticModel
from nwb_spikeinference.models.registry import make_model

BIN_S = 0.005


def columns(*shown: int) -> FeatureColumns:
    return FeatureColumns(shown=shown, bands=tuple((column,) for column in shown))


ALL = columns(0, 1, 2)


def test_lags_reach_50_ms_on_either_side() -> None:
    assert lag_offsets(BIN_S).tolist() == [-10, -8, -6, -4, -2, 0, 2, 4, 6, 8, 10]


def test_lagged_rows_never_cross_a_segment_end(make_input) -> None:
    source = make_input(n_bins=200, segments=(slice(0, 100), slice(100, 200)))
    rows = lagged_rows(source, np.array([99, 100]), [0], np.array([-1, 0, 1]))
    first = source.features[:, 0]
    np.testing.assert_array_equal(rows, [[first[98], first[99], 0], [0, first[100], first[101]]])


@pytest.mark.parametrize("name", ["logistic", "gradient-boosting"])
def test_planted_coupling_is_found_on_new_data(name: str, make_input) -> None:
    model = make_model(name, StudySettings(sessions=("x",)))
    training = [TrainingInput(lfp=make_input(seed=k), bins=np.ones(8000, bool)) for k in range(2)]
    model.fit(training, ALL, np.random.SeedSequence(0))
    test = make_input(seed=9)
    for unit, head in enumerate((0, 1)):
        found, best = (
            roc_auc(model.predict([test])[0][:, head], test.counts[:, unit]),
            roc_auc(test.features[:, unit], test.counts[:, unit]),
        )
        assert found > best - 0.03


def test_thinned_silence_leaves_probabilities_calibrated(make_input) -> None:
    model = LogisticModel(BIN_S)
    model.fit(
        [TrainingInput(lfp=make_input(seed=1, n_bins=40000), bins=np.ones(40000, bool))],
        ALL,
        np.random.SeedSequence(0),
    )
    test = make_input(seed=2, n_bins=40000)
    logit = model.predict([test])[0][:, 0] + log_odds_of_rate(test.counts, test.valid)[0]
    assert calibration_slope(logit, test.counts[:, 0]) == pytest.approx(1, abs=0.1)
    assert np.mean(expit(logit)) == pytest.approx(np.mean(test.counts[:, 0] > 0), rel=0.1)


def test_as_a_convolution_it_predicts_the_same(make_input) -> None:
    model, source = LogisticModel(BIN_S), make_input()
    model.fit([TrainingInput(lfp=source, bins=source.valid)], columns(0, 2), np.random.SeedSequence(0))
    kernel, bias = model.weights
    windows = np.lib.stride_tricks.sliding_window_view(source.features, 21, axis=0)  # (bins, features, lags)
    expected = np.einsum("bfl,lfh->bh", windows, kernel) + bias
    np.testing.assert_allclose(model.predict([source])[0][10:-10], expected, atol=1e-4)


def test_withheld_columns_are_not_used(make_input) -> None:
    model = LogisticModel(BIN_S)
    source = make_input()
    model.fit([TrainingInput(lfp=source, bins=source.valid)], columns(2), np.random.SeedSequence(0))
    changed = make_input(change_first_columns=True)
    np.testing.assert_array_equal(model.predict([source])[0], model.predict([changed])[0])


def test_bins_outside_the_mask_do_not_train(make_input) -> None:
    source = make_input()
    bins = np.arange(source.n_bins) < 4000
    poisoned = make_input(poison_from=4000)
    predictions = []
    for one in (source, poisoned):
        model = LogisticModel(BIN_S)
        model.fit([TrainingInput(lfp=one, bins=bins)], columns(1), np.random.SeedSequence(0))
        predictions.append(model.predict([source])[0])
    np.testing.assert_array_equal(predictions[0], predictions[1])


def test_the_rate_model_predicts_the_intercept_alone(make_input) -> None:
    source = make_input()
    model = make_model("rate", StudySettings(sessions=("x",)))
    assert not model.predict([source])[0].any()


def test_a_head_without_units_of_its_type_takes_that_of_any_unit(make_input) -> None:
    source = make_input(cell_types=("excitatory", "excitatory"))
    model = LogisticModel(BIN_S)
    model.fit([TrainingInput(lfp=source, bins=source.valid)], ALL, np.random.SeedSequence(0))
    log_odds = model.predict([source])[0]
    np.testing.assert_array_equal(log_odds[:, 1], log_odds[:, 2])


def test_log_odds_of_a_silent_unit_are_finite() -> None:
    counts = np.zeros((100, 1), np.uint8)
    assert np.isfinite(log_odds_of_rate(counts, np.ones(100, bool))).all()


def test_log_odds_are_those_of_the_share_of_bins_with_a_spike() -> None:
    counts = np.zeros((10000, 1), np.uint8)
    counts[:2000] = 3
    assert log_odds_of_rate(counts, np.ones(10000, bool))[0] == pytest.approx(np.log(0.2 / 0.8), abs=1e-3)
