"""
All models by name.
"""

from collections.abc import Callable

from nwb_spikeinference.config import StudySettings
from nwb_spikeinference.models.lagged import GradientBoostingModel, RateModel
from nwb_spikeinference.models.logistic import LogisticModel
from nwb_spikeinference.models.recurrent import RecurrentModel
from nwb_spikeinference.models.spike_model import SpikeModel


def _make_recurrent(name: str, settings: StudySettings) -> SpikeModel:
    return RecurrentModel(settings.model.model_copy(update={"name": name}), settings.target.bin_s)


def _make_logistic(name: str, settings: StudySettings) -> SpikeModel:
    return LogisticModel(settings.target.bin_s, band_dropout=settings.model.band_dropout)


def _make_boosting(name: str, settings: StudySettings) -> SpikeModel:
    return GradientBoostingModel(settings.target.bin_s, band_dropout=settings.model.band_dropout)


_MAKERS: dict[str, Callable[[str, StudySettings], SpikeModel]] = {
    "bilstm": _make_recurrent,
    "conv-bilstm": _make_recurrent,
    "causal-lstm": _make_recurrent,
    "logistic": _make_logistic,
    "gradient-boosting": _make_boosting,
    "rate": lambda name, settings: RateModel(),
}


def make_model(name: str, settings: StudySettings) -> SpikeModel:
    """A new model, not yet fitted; `name` is one that the settings allow."""
    return _MAKERS[name](name, settings)
