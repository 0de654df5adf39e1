"""
All models by name.
"""

from collections.abc import Callable

from nwb_spikeinference.config import StudySettings
from nwb_spikeinference.models.bilstm import BiLstmModel
from nwb_spikeinference.models.lagged import GradientBoostingModel, LogisticModel, RateModel
from nwb_spikeinference.models.protocol import SpikeModel

_MAKERS: dict[str, Callable[[StudySettings], SpikeModel]] = {
    "bilstm": lambda settings: BiLstmModel(settings.model, settings.target.bin_ms / 1e3),
    "logistic": lambda settings: LogisticModel(settings.target.bin_ms / 1e3),
    "gradient-boosting": lambda settings: GradientBoostingModel(settings.target.bin_ms / 1e3),
    "rate": lambda settings: RateModel(),
}


def make_model(name: str, settings: StudySettings) -> SpikeModel:
    """A new model, not yet fitted; `name` is one that the settings allow."""
    return _MAKERS[name](settings)
