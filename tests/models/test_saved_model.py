"""Weights as plain arrays: a model that takes them over is the model that was fitted."""

from dataclasses import replace

import numpy as np
import pytest

from nwb_spikeinference.config import ModelSettings
from nwb_spikeinference.inputs import FeatureColumns, TrainingInput
from nwb_spikeinference.models.logistic import LogisticModel
from nwb_spikeinference.models.recurrent import RecurrentModel

ALL = FeatureColumns(shown=(0, 1, 2), bands=((0,), (1,), (2,)))
NO_COLUMNS = FeatureColumns(shown=(), bands=())
SMALL = {"units": (4, 3), "epochs": 1, "chunk_bins": 60, "context_bins": 10, "batch": 16}


def fit(model, source, columns=ALL):
    model.fit([TrainingInput(lfp=source, bins=source.valid)], columns, np.random.SeedSequence(0))
    return model


@pytest.mark.parametrize(
    "settings",
    [ModelSettings(**SMALL), ModelSettings(**SMALL, skip="none"), ModelSettings(**SMALL, name="causal-lstm")],
    ids=["with skip", "without", "one way"],
)
def test_a_restored_network_predicts_what_the_fitted_one_does(settings: ModelSettings, make_input) -> None:
    fitted = fit(RecurrentModel(settings, 0.005), make_input(n_bins=1500))
    expected = fitted.predict([make_input(seed=9, n_bins=700)])[0]
    fit(RecurrentModel(settings, 0.005), make_input(seed=3, n_bins=600))  # shares the Keras model, and changes it
    restored = RecurrentModel(settings, 0.005)
    restored.restore([value.copy() for value in fitted.weights], ALL, 3)
    np.testing.assert_array_equal(restored.predict([make_input(seed=9, n_bins=700)])[0], expected)
    assert [value.shape for value in fitted.weights] == restored.weight_shapes(3)
    assert restored.weights_sha256 == fitted.weights_sha256


def test_a_restored_network_of_the_trace_predicts_what_the_fitted_one_does(make_input) -> None:
    source = make_input(n_bins=900)
    raw = np.repeat(source.features[:, :1], 5, axis=1)
    settings = ModelSettings(**SMALL, name="conv-bilstm")
    fitted = fit(RecurrentModel(settings, 0.005), replace(source, raw=raw), NO_COLUMNS)
    restored = RecurrentModel(settings, 0.005)
    restored.restore(fitted.weights, NO_COLUMNS, 5)
    with_trace = [replace(source, raw=raw)]
    np.testing.assert_array_equal(restored.predict(with_trace)[0], fitted.predict(with_trace)[0])
    assert [value.shape for value in fitted.weights] == restored.weight_shapes(5)


def test_a_restored_regression_predicts_what_the_fitted_one_does(make_input) -> None:
    fitted = fit(LogisticModel(0.005), make_input(n_bins=1500))
    restored = LogisticModel(0.005)
    restored.restore(fitted.weights, ALL, 3)
    test = make_input(seed=9, n_bins=700)
    np.testing.assert_array_equal(restored.predict([test])[0], fitted.predict([test])[0])
    assert [value.shape for value in fitted.weights] == restored.weight_shapes(3)


def test_the_shapes_of_a_network_that_fits_no_memory_are_told_all_the_same() -> None:
    model = RecurrentModel(ModelSettings(units=(10_000_000,)), 0.005)
    assert model.weight_shapes(21)[1] == (10_000_000, 40_000_000)
