"""The network on data whose answer is known."""

import numpy as np
import pytest

from nwb_spikeinference.config import ModelSettings
from nwb_spikeinference.errors import SettingsError
from nwb_spikeinference.evaluation.metrics import roc_auc
from nwb_spikeinference.inputs import LfpInput, TrainingInput
from nwb_spikeinference.models.bilstm import BiLstmModel, chunk_edges
from nwb_spikeinference.models.lagged import LogisticModel

SETTINGS = ModelSettings(units=(8, 4), epochs=6, chunk_bins=80, context_bins=10, batch=32, learning_rate=0.03)
PLAIN = SETTINGS.model_copy(update={"skip": "none"})


def fit(training: list[LfpInput], columns: tuple[int, ...] = (0, 1, 2), seed: int = 0) -> BiLstmModel:
    model = BiLstmModel(PLAIN, 0.005)
    model.fit([TrainingInput(source=one, bins=one.valid) for one in training], columns, np.random.SeedSequence(seed))
    return model


@pytest.fixture
def model(make_input) -> BiLstmModel:
    return fit([make_input(seed=1, participant="A"), make_input(seed=2, participant="B")])


def test_planted_coupling_is_found_on_new_data(model: BiLstmModel, make_input) -> None:
    test = make_input(seed=9)
    for unit in (0, 1):
        best = roc_auc(test.features[:, unit], test.counts[:, unit])
        assert roc_auc(model.predict([test])[0][:, unit], test.counts[:, unit]) > best - 0.05


def test_each_head_predicts_its_own_type_better(model: BiLstmModel, make_input) -> None:
    test = make_input(seed=9)
    log_odds = model.predict([test])[0]
    assert roc_auc(log_odds[:, 0], test.counts[:, 0]) > roc_auc(log_odds[:, 1], test.counts[:, 0]) + 0.05
    assert roc_auc(log_odds[:, 1], test.counts[:, 1]) > roc_auc(log_odds[:, 0], test.counts[:, 1]) + 0.05


def test_the_same_seed_gives_the_same_numbers_whatever_ran_between(model: BiLstmModel, make_input) -> None:
    inputs = [make_input(seed=1, participant="A"), make_input(seed=2, participant="B")]
    fit([make_input(seed=5)], seed=3)
    again = fit(inputs)
    np.testing.assert_array_equal(again.predict([inputs[0]])[0], model.predict([inputs[0]])[0])


def test_another_seed_gives_other_numbers(model: BiLstmModel, make_input) -> None:
    inputs = [make_input(seed=1, participant="A"), make_input(seed=2, participant="B")]
    assert not np.array_equal(fit(inputs, seed=1).predict([inputs[0]])[0], model.predict([inputs[0]])[0])


def test_withheld_columns_are_not_used(make_input) -> None:
    model = fit([make_input(seed=1)], columns=(2,))
    np.testing.assert_array_equal(
        model.predict([make_input()])[0], model.predict([make_input(change_first_columns=True)])[0]
    )


def test_predictions_do_not_cross_a_segment_end(model: BiLstmModel, make_input) -> None:
    whole = make_input(seed=4, n_bins=400, segments=(slice(0, 200), slice(200, 400)))
    features = whole.features.copy()
    features[200:] = 3.0
    changed = LfpInput(**{name: getattr(whole, name) for name in whole.__slots__} | {"features": features})
    np.testing.assert_array_equal(model.predict([changed])[0][:200], model.predict([whole])[0][:200])


def test_bins_outside_the_mask_do_not_train(make_input) -> None:
    clean, poisoned = make_input(seed=1), make_input(seed=1, poison_from=4000)
    bins = np.arange(8000) < 4000
    predictions = []
    for one in (clean, poisoned):
        model = BiLstmModel(SETTINGS, 0.005)
        model.fit([TrainingInput(source=one, bins=bins)], (0, 1, 2), np.random.SeedSequence(0))
        predictions.append(model.predict([clean])[0])
    np.testing.assert_array_equal(predictions[0], predictions[1])


def test_chunks_cover_every_segment_once() -> None:
    covered = [bin_ for start, stop in chunk_edges((slice(0, 95), slice(120, 150)), 40) for bin_ in range(start, stop)]
    assert covered == [*range(95), *range(120, 150)]


def test_with_the_skip_it_does_not_fall_behind_logistic_regression(make_input) -> None:
    training = [TrainingInput(source=make_input(seed=k, participant=str(k)), bins=np.ones(8000, bool)) for k in (1, 2)]
    network, baseline = BiLstmModel(SETTINGS, 0.005), LogisticModel(0.005)
    for model in (network, baseline):
        model.fit(training, (0, 1, 2), np.random.SeedSequence(0))
    test = make_input(seed=9)
    for unit in (0, 1):
        reached = roc_auc(baseline.predict([test])[0][:, unit], test.counts[:, unit])
        assert roc_auc(network.predict([test])[0][:, unit], test.counts[:, unit]) > reached - 0.01


def test_a_skip_that_reaches_beyond_the_context_is_refused() -> None:
    with pytest.raises(SettingsError, match="context_bins must be at least 10"):
        BiLstmModel(ModelSettings(context_bins=5), 0.005)
