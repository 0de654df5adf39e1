"""The networks on data whose answer is known."""

import resource
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from nwb_spikeinference.config import ModelSettings
from nwb_spikeinference.errors import SettingsError
from nwb_spikeinference.evaluation.metrics import roc_auc
from nwb_spikeinference.inputs import FeatureColumns, LfpInput, TrainingInput
from nwb_spikeinference.models.input_chunks import chunk_edges
from nwb_spikeinference.models.logistic import LogisticModel
from nwb_spikeinference.models.recurrent import RecurrentModel

SETTINGS = ModelSettings(units=(8, 4), epochs=4, chunk_bins=80, context_bins=10, batch=32, learning_rate=0.03)
PLAIN = SETTINGS.model_copy(update={"skip": "none"})


def columns(*shown: int) -> FeatureColumns:
    return FeatureColumns(shown=shown, bands=tuple((column,) for column in shown))


ALL = columns(0, 1, 2)


def fit(
    training: list[LfpInput], shown: FeatureColumns = ALL, seed: int = 0, settings: ModelSettings = PLAIN
) -> RecurrentModel:
    model = RecurrentModel(settings, 0.005)
    model.fit([TrainingInput(lfp=one, bins=one.valid) for one in training], shown, np.random.SeedSequence(seed))
    return model


@pytest.fixture(scope="module")
def model(make_input) -> RecurrentModel:
    return fit([make_input(seed=1, participant="A"), make_input(seed=2, participant="B")])


def test_planted_coupling_is_found_on_new_data(model: RecurrentModel, make_input) -> None:
    test = make_input(seed=9)
    for unit in (0, 1):
        best = roc_auc(test.features[:, unit], test.counts[:, unit])
        assert roc_auc(model.predict([test])[0][:, unit], test.counts[:, unit]) > best - 0.05


def test_each_head_predicts_its_own_type_better(model: RecurrentModel, make_input) -> None:
    test = make_input(seed=9)
    log_odds = model.predict([test])[0]
    assert roc_auc(log_odds[:, 0], test.counts[:, 0]) > roc_auc(log_odds[:, 1], test.counts[:, 0]) + 0.05
    assert roc_auc(log_odds[:, 1], test.counts[:, 1]) > roc_auc(log_odds[:, 0], test.counts[:, 1]) + 0.05


def test_the_same_seed_gives_the_same_numbers_whatever_ran_between(model: RecurrentModel, make_input) -> None:
    inputs = [make_input(seed=1, participant="A"), make_input(seed=2, participant="B")]
    fit([make_input(seed=5)], seed=3)
    again = fit(inputs)
    np.testing.assert_array_equal(again.predict([inputs[0]])[0], model.predict([inputs[0]])[0])


def test_another_seed_gives_other_numbers(model: RecurrentModel, make_input) -> None:
    inputs = [make_input(seed=1, participant="A"), make_input(seed=2, participant="B")]
    assert not np.array_equal(fit(inputs, seed=1).predict([inputs[0]])[0], model.predict([inputs[0]])[0])


def test_withheld_columns_are_not_used(make_input) -> None:
    model = fit([make_input(seed=1)], shown=columns(2))
    np.testing.assert_array_equal(
        model.predict([make_input()])[0], model.predict([make_input(change_first_columns=True)])[0]
    )


def test_predictions_do_not_cross_a_segment_end(model: RecurrentModel, make_input) -> None:
    whole = make_input(seed=4, n_bins=400, segments=(slice(0, 200), slice(200, 400)))
    features = whole.features.copy()
    features[200:] = 3.0
    changed = LfpInput(**{name: getattr(whole, name) for name in whole.__slots__} | {"features": features})
    np.testing.assert_array_equal(model.predict([changed])[0][:200], model.predict([whole])[0][:200])


def test_bins_outside_the_mask_do_not_train(make_input) -> None:
    clean, poisoned = (make_input(seed=1, n_bins=4000, poison_from=start) for start in (None, 2000))
    bins = np.arange(4000) < 2000
    predictions = []
    for one in (clean, poisoned):
        model = RecurrentModel(SETTINGS, 0.005)
        model.fit([TrainingInput(lfp=one, bins=bins)], ALL, np.random.SeedSequence(0))
        predictions.append(model.predict([clean])[0])
    np.testing.assert_array_equal(predictions[0], predictions[1])


def test_chunks_cover_every_segment_once() -> None:
    covered = [bin_ for start, stop in chunk_edges((slice(0, 95), slice(120, 150)), 40) for bin_ in range(start, stop)]
    assert covered == [*range(95), *range(120, 150)]


def test_with_the_skip_it_does_not_fall_behind_logistic_regression(make_input) -> None:
    training = [TrainingInput(lfp=make_input(seed=k, participant=str(k)), bins=np.ones(8000, bool)) for k in (1, 2)]
    network, baseline = RecurrentModel(SETTINGS, 0.005), LogisticModel(0.005)
    for model in (network, baseline):
        model.fit(training, ALL, np.random.SeedSequence(0))
    test = make_input(seed=9)
    for unit in (0, 1):
        reached = roc_auc(baseline.predict([test])[0][:, unit], test.counts[:, unit])
        assert roc_auc(network.predict([test])[0][:, unit], test.counts[:, unit]) > reached - 0.01


def test_training_ends_where_participants_left_out_gain_nothing(make_input) -> None:
    independent = [make_input(seed=k, participant=str(k), n_bins=2000) for k in range(4)]
    shuffled = [
        replace(one, counts=np.random.default_rng(k).permutation(one.counts)) for k, one in enumerate(independent)
    ]
    model = fit(shuffled, settings=PLAIN.model_copy(update={"epochs": 50, "patience": 2}))
    assert model.epochs_trained < 10


def test_without_a_gain_it_is_the_logistic_regression(make_input) -> None:
    training = [TrainingInput(lfp=make_input(seed=k, participant=str(k)), bins=np.ones(8000, bool)) for k in (1, 2)]
    no_step = SETTINGS.model_copy(update={"learning_rate": 1e-12, "epochs": 1})
    network, seed = RecurrentModel(no_step, 0.005), np.random.SeedSequence(0)
    network.fit(training, ALL, seed)
    baseline = LogisticModel(0.005)
    baseline.fit(training, ALL, np.random.SeedSequence(0).spawn(5)[3])
    source = training[0].lfp
    expected, found = baseline.predict([source])[0], network.predict([source])[0]
    for head in range(3):
        slope = np.ptp(found[:, head]) / np.ptp(expected[:, head])
        np.testing.assert_allclose(found[:, head], slope * expected[:, head], atol=1e-4)


def test_the_one_way_network_does_not_look_ahead(make_input) -> None:
    settings = SETTINGS.model_copy(update={"name": "causal-lstm"})
    model = fit([make_input(seed=k, participant=str(k)) for k in (1, 2)], settings=settings)
    source = make_input(seed=4, n_bins=400)
    features = source.features.copy()
    features[200:] = 3.0
    changed = replace(source, features=features)
    np.testing.assert_allclose(model.predict([changed])[0][:200], model.predict([source])[0][:200], atol=1e-5)


def test_a_network_of_raw_lfp_finds_a_coupling_that_no_feature_holds(make_input) -> None:
    def with_raw(seed: int) -> LfpInput:
        source = make_input(seed=seed, participant=str(seed))
        fast = np.random.default_rng(seed).standard_normal((source.n_bins, 5)).astype(np.float32)
        fast[:, 2] += 2 * source.features[:, 0]
        return replace(source, raw=fast, features=np.zeros_like(source.features))

    settings = SETTINGS.model_copy(update={"name": "conv-bilstm", "learning_rate": 0.01})
    model = fit([with_raw(seed) for seed in (1, 2, 3)], settings=settings)
    test = with_raw(9)
    assert roc_auc(model.predict([test])[0][:, 0], test.counts[:, 0]) > 0.65


def test_a_network_that_knew_band_dropout_loses_less_without_a_band(make_input) -> None:
    def twice(seed: int) -> LfpInput:
        source = make_input(seed=seed, participant=str(seed))
        noise = np.random.default_rng(seed).standard_normal(source.n_bins).astype(np.float32)
        clean = source.features[:, 0]  # all that a network needs, unless it sometimes had to do without
        return replace(source, features=np.stack([clean, clean + 0.7 * noise, source.features[:, 2]], axis=1))

    drops = []
    for dropout in (0.0, 0.4):
        model = fit([twice(k) for k in (1, 2, 3)], settings=SETTINGS.model_copy(update={"band_dropout": dropout}))
        test = twice(9)
        ablated = replace(test, features=test.features * np.array([0, 1, 1], np.float32))
        full, less = (model.predict([one])[0][:, 0] for one in (test, ablated))
        drops.append(roc_auc(full, test.counts[:, 0]) - roc_auc(less, test.counts[:, 0]))
    assert drops[1] < drops[0]


def test_f65_two_hundred_trainings_do_not_hold_on_to_memory(make_input) -> None:
    """A new Keras model per training would keep 30 to 60 MB each; half a megabyte each is too much."""
    training = [make_input(seed=k, participant=str(k), n_bins=200) for k in range(3)]
    small = PLAIN.model_copy(update={"epochs": 1, "units": (2,), "batch": 8})

    def resident_mb() -> float:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return pages * resource.getpagesize() / 1e6

    for _ in range(5):
        fit(training, settings=small)
    before = resident_mb()
    for seed in range(200):
        fit(training, seed=seed, settings=small)
    assert resident_mb() - before < 100


def test_a_skip_that_reaches_beyond_the_context_is_refused() -> None:
    with pytest.raises(SettingsError, match="context_bins must be at least 10"):
        RecurrentModel(ModelSettings(context_bins=5), 0.005)
