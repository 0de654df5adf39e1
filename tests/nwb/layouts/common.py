"""What the facsimiles of published files share: noise for voltages, random spikes, and the writing."""

from datetime import UTC, datetime
from pathlib import Path

import h5py
import numpy as np
from pynwb import NWBHDF5IO, NWBFile
from pynwb.file import Subject

NOISE_V = 30e-6
SPIKES_HZ = 8.0
REFRACTORY_S = 0.003
WAVEFORM_HZ = 98_400.0  # of waveforms that OSort stores with 256 samples


def new_file(subject_id: str, session_id: str, **subject: str) -> NWBFile:
    return NWBFile(
        session_description="facsimile of a published layout, filled with noise",
        identifier=f"{subject_id}_{session_id}",
        session_start_time=datetime(2000, 1, 1, tzinfo=UTC),
        session_id=session_id,
        subject=Subject(subject_id=subject_id, species="Homo sapiens", **({"sex": "F", "age": "P34Y"} | subject)),
    )


def write(nwb: NWBFile, path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with NWBHDF5IO(str(path), "w") as io:
        io.write(nwb)
    return path


def voltages(n_samples: int, n_contacts: int, seed: int = 0) -> np.ndarray:
    """Noise, (n_samples, n_contacts) volts."""
    return np.random.default_rng(seed).normal(scale=NOISE_V, size=(n_samples, n_contacts))


def spike_trains(n_units: int, seconds: float, seed: int = 0) -> list[np.ndarray]:
    """Ascending times from 0 to `seconds`, none closer than a refractory period."""
    random = np.random.default_rng([seed, 1])
    gaps = random.exponential(1 / SPIKES_HZ, (n_units, int(4 * SPIKES_HZ * seconds) + 20)) + REFRACTORY_S
    return [times[times < seconds] for times in np.cumsum(gaps, axis=1)]


def waveforms(n_units: int, n_samples: int = 256) -> np.ndarray:
    """A trough and a later, lower peak: narrow for units with odd numbers, (n_units, n_samples) volts."""
    at = np.arange(n_samples) - n_samples / 3
    widths = np.where(np.arange(n_units) % 2, 0.25e-3, 0.7e-3)[:, None] * WAVEFORM_HZ
    return 1e-5 * (0.4 * np.exp(-(((at - widths) / 12) ** 2)) - np.exp(-((at / 8) ** 2)))


def make_units_plain(path: Path) -> Path:
    """Take the index from ``units/electrodes``, which pynwb always writes and MATLAB's exporters do not."""
    with h5py.File(path, "r+") as file:
        del file["units/electrodes_index"]
    return path


def make_texts_bytes(path: Path, *columns: str) -> Path:
    """Store columns of the electrodes table as MATLAB's exporters do: ASCII, so that h5py reads bytes."""
    with h5py.File(path, "r+") as file:
        table = file["general/extracellular_ephys/electrodes"]
        for name in columns:
            attributes = dict(table[name].attrs)
            texts = np.array([str(text, "utf-8") if isinstance(text, bytes) else text for text in table[name][()]], "S")
            del table[name]
            table.create_dataset(name, data=texts).attrs.update(attributes)
    return path
