"""What is said of each kind of model holds for the model itself."""

from typing import get_args

import pytest

from nwb_spikeinference.config import BaselineName, ModelName, StudySettings
from nwb_spikeinference.model_kinds import MODEL_KINDS, RATE
from nwb_spikeinference.models.recurrent import RecurrentModel
from nwb_spikeinference.models.registry import make_model
from nwb_spikeinference.models.spike_model import SpikeModel


def make(name: str) -> SpikeModel:
    return make_model(name, StudySettings(sessions=("x",)))


def test_settings_name_every_kind_and_no_other() -> None:
    assert set(get_args(BaselineName)) == set(MODEL_KINDS)
    assert {*get_args(ModelName), RATE} == set(MODEL_KINDS)
    assert RATE not in get_args(ModelName)


@pytest.mark.parametrize("name", MODEL_KINDS)
def test_models_are_kept_that_can_be_made_again_from_arrays(name: str) -> None:
    assert MODEL_KINDS[name].is_kept == hasattr(make(name), "weight_shapes")


@pytest.mark.parametrize("name", MODEL_KINDS)
def test_networks_are_marked_as_such(name: str) -> None:
    assert MODEL_KINDS[name].is_network == isinstance(make(name), RecurrentModel)
