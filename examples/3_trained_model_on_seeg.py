"""
A trained model on sEEG: how likely typical neurons spike at each contact of a recording that has LFP only.

    python examples/3_trained_model_on_seeg.py MODEL FILE.nwb OUT.nwb

MODEL is the folder `model/` of a finished study. OUT.nwb, which must not exist, becomes a copy of FILE.nwb without raw
voltages and with the probabilities in `processing/spike_inference`. The same is done once more on a plain array, for
recordings that are not in NWB.
"""

import sys
from pathlib import Path

import h5py
import numpy as np

from nwb_spikeinference import InferenceModel, predict_file


def main() -> None:
    """Predict from a file, then from an array."""
    model_folder, source, target = map(Path, sys.argv[1:4])

    outcome = predict_file(model_folder, source, target)
    for statement in outcome.statements:
        print(statement)
    for contact in outcome.contacts:
        print(f"{contact.electrode.label}: {'; '.join(contact.outside) or 'like what the model was trained on'}")
    with h5py.File(target) as file:
        inferred = file["processing/spike_inference/spike_probability_inhibitory/data"][()]
        print(f"{target.name}: bins x contacts {inferred.shape}, mean probability {np.nanmean(inferred):.3f}")

    # Any array of volts will do: here, noise of 30 uV at 512 Hz from four contacts of one electrode.
    lfp = np.random.default_rng(0).normal(scale=30e-6, size=(20 * 512, 4))
    from_array = InferenceModel.load(model_folder).predict(lfp, rate_hz=512.0)
    for cell_type, probabilities in from_array.probabilities.items():
        print(f"noise, {cell_type}: bins x contacts {probabilities.shape}, mean {np.nanmean(probabilities):.3f}")


if __name__ == "__main__":
    main()
