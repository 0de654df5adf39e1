"""
A trained model, loaded from its folder and applied to LFP.
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from nwb_spikeinference.config import StudySettings
from nwb_spikeinference.errors import InputError, SettingsError
from nwb_spikeinference.model_kinds import MODEL_KINDS
from nwb_spikeinference.models.logistic import LogisticModel
from nwb_spikeinference.models.recurrent import RecurrentModel
from nwb_spikeinference.models.registry import make_model
from nwb_spikeinference.models.spike_model import SpikeModel
from nwb_spikeinference.nwb.reading.signal_blocks import SignalReader
from nwb_spikeinference.pipeline.fits.fit_spec import columns_shown
from nwb_spikeinference.pipeline.inference.infer_contacts import Inference, infer_contacts
from nwb_spikeinference.pipeline.inference.model_folder import (
    SETTINGS_FILE,
    WEIGHTS_FILE,
    SavedModel,
    SavedSettings,
    read_model_folder,
)
from nwb_spikeinference.pipeline.sessions.bundle_signal import OpenBlock
from nwb_spikeinference.recordings import Electrode, FloatArray, Session, SignalBlock
from nwb_spikeinference.settings import parse_settings

_MAX_WINDOW_NUMBERS = 4_000_000  # of a window, bins times inputs; 256 windows go through a network at once


class InferenceModel:
    """
    A model from the folder ``model/`` of a finished study.

    Attributes
    ----------
    settings : SavedSettings
        What a recording is turned into, and where the model was trained.

    Examples
    --------
    >>> model = InferenceModel.load("results/model")  # doctest: +SKIP
    >>> inferred = model.predict(lfp, rate_hz=1000)  # doctest: +SKIP
    >>> inferred.probabilities["inhibitory"].shape  # doctest: +SKIP
    (12000, 8)
    """

    def __init__(self, saved: SavedModel) -> None:
        self.settings: SavedSettings = saved.settings
        self._model = _restore(saved)

    @classmethod
    def load(cls, folder: Path | str) -> "InferenceModel":
        """
        Read a model's folder; nothing in it is executed.

        Raises
        ------
        InputError
            If it is no such folder, is damaged, or holds weights of another shape than its settings say.
        """
        return cls(read_model_folder(Path(folder)))

    def predict(self, lfp: FloatArray, rate_hz: float) -> Inference:
        """
        Infer spiking from LFP, contact by contact.

        Parameters
        ----------
        lfp : ndarray of shape (n_samples, n_contacts)
            Voltages as recorded, in volts. For a model with a reference, the contacts of one electrode in their order.
        rate_hz : float
            250 Hz or more, and more than twice the highest frequency that the model reads.

        Returns
        -------
        Inference
            Bins are counted from the first sample. Regions are not known here: every contact counts as outside.

        Raises
        ------
        InputError
            If the array has another shape, or the recording is too slow or too short for the model.
        """
        samples = np.asarray(lfp, np.float32)
        if samples.ndim != 2 or not samples.size:
            raise InputError(f"lfp has shape {samples.shape}; it must be (n_samples, n_contacts), also of one contact")
        if not 0 < rate_hz < math.inf:
            raise InputError(f"rate_hz must be a number of hertz above 0, got {rate_hz:g}")
        rows = tuple(range(samples.shape[1]))
        block = SignalBlock(
            path="lfp", kind="lfp", rate_hz=float(rate_hz), start_s=0.0, n_samples=len(samples), electrode_rows=rows
        )
        electrodes = tuple(
            Electrode(row=row, label=f"contact {row}", bundle="lfp", region=None, hemisphere=None) for row in rows
        )
        session = Session(path=Path("lfp"), participant="", session_id="", electrodes=electrodes, blocks=(block,))
        reader = SignalReader(samples, block, np.ones(len(rows)), 0.0)
        with TemporaryDirectory(prefix="nsi-") as folder:
            inferred = self.infer(session, electrodes, lambda _: reader, Path(folder))
            return replace(
                inferred, probabilities={name: np.array(values) for name, values in inferred.probabilities.items()}
            )

    def infer(self, session: Session, contacts: Sequence[Electrode], open_block: OpenBlock, folder: Path) -> Inference:
        """Infer spiking at some contacts of a recording session; see `infer_contacts`."""
        return infer_contacts(self._model, self.settings, session, contacts, open_block, folder)


def _restore(saved: SavedModel) -> SpikeModel:
    """The model with its weights, once their shapes are those that its settings ask for; only then is it built."""
    settings, path = saved.settings, saved.folder / SETTINGS_FILE
    name = settings.model.name
    n_inputs = settings.samples_per_bin if MODEL_KINDS[name].reads_trace else len(settings.features)
    window = (settings.model.chunk_bins + 2 * settings.model.context_bins) * n_inputs
    if not 0 < window <= _MAX_WINDOW_NUMBERS:
        raise InputError(f"{path}: asks for windows of {window} numbers; 1 to {_MAX_WINDOW_NUMBERS} are allowed")
    if not MODEL_KINDS[name].is_kept:
        raise InputError(f"{path}: a {name} model has no weights that a folder could hold; choose another model.name")
    parts = settings.model_dump(mode="json", include={"model", "signal", "target"})
    try:
        # A model is made from a study's settings; which recordings that had does not matter to it.
        model = make_model(name, parse_settings({"sessions": ["none"], **parts}, StudySettings, str(path)))
    except SettingsError as error:
        raise InputError(f"{path}: {error}") from error
    assert isinstance(model, RecurrentModel | LogisticModel), "they alone are kept"
    wanted, found = model.weight_shapes(n_inputs), [value.shape for value in saved.weights]
    if wanted != found:
        where = saved.folder / WEIGHTS_FILE
        if len(wanted) != len(found):
            raise InputError(f"{where}: holds {len(found)} arrays, {SETTINGS_FILE} asks for {len(wanted)}")
        number = next(k for k, shapes in enumerate(zip(wanted, found, strict=True)) if shapes[0] != shapes[1])
        raise InputError(
            f"{where}: weight_{number} has shape {found[number]}, {SETTINGS_FILE} asks for {wanted[number]}; "
            f"copy both from one study"
        )
    model.restore(saved.weights, columns_shown(name, settings.features), n_inputs)
    return model
