"""Model folders with weights that nobody trained, and recordings of LFP alone."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from pynwb import NWBHDF5IO, H5DataIO, NWBFile
from pynwb.ecephys import LFP
from pynwb.file import Subject

from nwb_spikeinference.config import StudySettings
from nwb_spikeinference.inputs import HEADS
from nwb_spikeinference.models.registry import make_model
from nwb_spikeinference.pipeline.inference.model_folder import (
    FORMAT,
    FORMAT_VERSION,
    BandEdges,
    SavedSettings,
    TrainedPlace,
    hash_participant,
    pack_weights,
    write_model_folder,
)
from nwb_spikeinference.signal.features import feature_names

INTERCEPTS = {"excitatory": -4.0, "inhibitory": -2.0, "any": -3.0}
BANDS = {"theta": (4, 8), "gamma": (30, 55), "high_frequency": (125, 175)}
Places = Sequence[tuple[str, str]]  # region, side


def make_settings(
    name: str = "logistic", *, bands: Mapping[str, tuple[float, float]] = BANDS, **changes: Any
) -> SavedSettings:
    """Settings of a model of the left hippocampus and amygdala; changes are those of ``study.yaml``."""
    model = {"name": name, "units": [4, 3], "chunk_bins": 100, "context_bins": 20} | changes.pop("model", {})
    study = StudySettings(sessions=("x",), bands=dict(bands), model=model, **changes)
    reads_trace = name == "conv-bilstm"
    return SavedSettings(
        format=FORMAT,
        format_version=FORMAT_VERSION,
        study="small",
        model=study.model,
        signal=study.signal,
        target=study.target,
        lfp_rate_hz=1000,
        samples_per_bin=5 if reads_trace else 0,
        features=() if reads_trace else feature_names(study.band_list()),
        bands=tuple(BandEdges(name=one, low_hz=low, high_hz=high) for one, (low, high) in bands.items()),
        heads=HEADS,
        intercepts=INTERCEPTS,
        n_units={"excitatory": 20, "inhibitory": 10, "any": 31},
        trained_at=(
            TrainedPlace(region="hippocampus", hemisphere="left", n_units=21),
            TrainedPlace(region="amygdala", hemisphere="left", n_units=10),
        ),
        training_participants=(hash_participant("small", "P07"),),
        versions={"keras": "3"},
        weights_sha256="",
    )


def random_weights(settings: SavedSettings, scale: float = 0.3) -> list[np.ndarray]:
    """Arrays of the shapes that the settings ask for."""
    rng = np.random.default_rng(1)
    study = StudySettings(sessions=("x",), model=settings.model, target=settings.target)
    shapes = make_model(settings.model.name, study).weight_shapes(settings.samples_per_bin or len(settings.features))
    return [scale * rng.standard_normal(shape).astype(np.float32) for shape in shapes]


def write_folder(folder: Path, settings: SavedSettings, weights: Sequence[np.ndarray] | bytes | None = None) -> Path:
    """A folder whose settings name the digest of its weights, whatever these are."""
    content = random_weights(settings) if weights is None else weights
    packed = content if isinstance(content, bytes) else pack_weights(content)
    digest = hashlib.sha256(packed).hexdigest()
    write_model_folder(folder, settings.model_copy(update={"weights_sha256": digest}), packed, "a card\n")
    return folder


def make_lfp(seconds: float, n_contacts: int, rate_hz: float = 2000.0, *, seed: int = 0) -> np.ndarray:
    """Noise of 1-190 Hz whose power falls with frequency, in volts; the same at every rate that divides 2 kHz."""
    white = np.random.default_rng(seed).standard_normal((round(seconds * 2000), n_contacts))
    frequencies_hz = np.fft.rfftfreq(len(white), 1 / 2000)
    shape = np.where((frequencies_hz > 1) & (frequencies_hz < 190), 1 / np.maximum(frequencies_hz, 1), 0)
    lfp = np.fft.irfft(np.fft.rfft(white, axis=0) * shape[:, None], len(white), axis=0)
    return (50e-6 * lfp / lfp.std())[:: round(2000 / rate_hz)]


def add_burst(lfp: np.ndarray, rate_hz: float, at_s: float, frequency_hz: float) -> np.ndarray:
    """The signal with half a second of an oscillation on the first contact."""
    times_s = np.arange(len(lfp)) / rate_hz
    burst = np.exp(-(((times_s - at_s) / 0.1) ** 2)) * np.sin(2 * np.pi * frequency_hz * times_s)
    out = lfp.copy()
    out[:, 0] += 100e-6 * burst
    return out


def write_lfp_file(
    path: Path, lfp: np.ndarray, rate_hz: float, places: Places, *, kind: str = "macro", participant: str = "P20"
) -> Path:
    """A file without units, in which every place is an electrode of as many contacts as share it."""
    nwb = NWBFile(
        session_description="LFP alone",
        identifier="lfp-alone",
        session_start_time=datetime(2000, 1, 1, tzinfo=UTC),
        session_id="one",
        subject=Subject(subject_id=participant, species="Homo sapiens", sex="F", age="P34Y"),
    )
    device = nwb.create_device(name="amplifier")
    for column in ("label", "region", "hemisphere", "electrode_type"):
        nwb.add_electrode_column(name=column, description=f"the {column}")
    groups: dict[tuple[str, str], Any] = {}
    for number, (region, side) in enumerate(places):
        name = f"{side[0].upper()}{region[:3].upper()}"
        if (region, side) not in groups:
            groups[region, side] = nwb.create_electrode_group(
                name=name, description="depth electrode", location=f"{side} {region}", device=device
            )
        nwb.add_electrode(
            group=groups[region, side], location=f"{side} {region}", label=f"{name}{number + 1}", region=region,
            hemisphere=side[0].upper(), electrode_type=kind,
        )  # fmt: skip
    region = nwb.create_electrode_table_region(region=list(range(len(places))), description="all")
    data = H5DataIO(lfp.astype(np.float32), compression="gzip", shuffle=True)
    container = LFP()
    nwb.create_processing_module(name="ecephys", description="LFP").add(container)
    container.create_electrical_series(
        name="ElectricalSeriesLFP", data=data, electrodes=region, rate=float(rate_hz), starting_time=2.0
    )
    with NWBHDF5IO(str(path), "w") as io:
        io.write(nwb)
    return path
