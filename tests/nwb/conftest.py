"""Small NWB files as other laboratories lay them out."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import h5py
import numpy as np
import pytest
from pynwb import NWBHDF5IO, H5DataIO, NWBFile
from pynwb.ecephys import LFP, ElectricalSeries
from pynwb.file import Subject

from nwb_spikeinference.bands import Band
from nwb_spikeinference.files import sha256_file
from nwb_spikeinference.nwb.reading.read_session import open_signals, read_session
from nwb_spikeinference.nwb.results.result_records import (
    InferredStretch,
    ModelProvenance,
    ResultTables,
    SessionResults,
    SpikeProbabilities,
)
from nwb_spikeinference.records import FoldRecord, LoboRecord, ModelRecord, TransferRecord, UnitRecord

RATE_HZ = 1000.0
VOLTS = np.random.default_rng(7).normal(scale=30e-6, size=(2000, 4))
SPIKE_TIMES_S = (np.array([0.1, 0.5, 1.25]), np.array([0.2, 0.3, 0.9, 1.7]))


def empty_file() -> NWBFile:
    return NWBFile(
        session_description="two seconds of noise",
        identifier="facsimile",
        session_start_time=datetime(2000, 1, 1, tzinfo=UTC),
        session_id="baseline",
        subject=Subject(subject_id="P07", species="Homo sapiens", sex="F", age="P34Y"),
    )


def write(nwb: NWBFile, path: Path) -> Path:
    with NWBHDF5IO(str(path), "w") as io:
        io.write(nwb)
    return path


@pytest.fixture
def bundle_file(bundle_template: Path, tmp_path: Path) -> Path:
    """A copy of `bundle_template` that a test may change."""
    return Path(shutil.copy(bundle_template, tmp_path))


@pytest.fixture(scope="session")
def bundle_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One group per bundle, raw in acquisition, LFP in processing, units with indexed electrodes and quality."""
    nwb = empty_file()
    device = nwb.create_device(name="NSP1")
    for column in ("label", "region", "hemisphere", "electrode_type"):
        nwb.add_electrode_column(name=column, description=f"the {column}")
    nwb.add_electrode_column(name="wire", description="number in the bundle")
    nwb.add_electrode_column(name="channel", description="of the recorder")
    for bundle, region, side in (("LHIP", "hippocampus", "L"), ("RAMY", "amygdala", "R")):
        group = nwb.create_electrode_group(
            name=bundle, description="Behnke-Fried electrode", location=f"{side} {region}", device=device
        )
        for wire in (1, 2):
            nwb.add_electrode(
                group=group, location=f"{side} {region}", label=f"{bundle}{wire}", region=region, hemisphere=side,
                electrode_type="micro", wire=wire, channel=10 + wire, x=1.0, y=2.0, z=float("nan"),
            )  # fmt: skip
    region = nwb.create_electrode_table_region(region=[0, 1, 2, 3], description="all")
    steps = np.rint(VOLTS / 0.25e-6).astype(np.int16)
    data = H5DataIO(np.repeat(steps, 30, axis=0), compression="gzip", shuffle=True, chunks=(30000, 4))
    nwb.add_acquisition(
        ElectricalSeries(
            name="ElectricalSeriesRaw", data=data, electrodes=region, rate=30000.0, starting_time=0.5,
            conversion=0.25e-6, channel_conversion=[1.0, 1.0, 1.0, 2.0], offset=1e-6,
        )
    )  # fmt: skip
    lfp = ElectricalSeries(name="ElectricalSeriesLFP", data=VOLTS, electrodes=region, rate=RATE_HZ, starting_time=0.5)
    nwb.create_processing_module(name="ecephys", description="LFP").add(LFP(electrical_series=lfp))
    nwb.add_unit_column(name="snr", description="signal to noise")
    nwb.add_unit_column(name="trough_to_peak_ms", description="width")
    nwb.add_unit_column(name="isi_violations", description="share")
    nwb.add_unit_column(name="cell_type", description="putative")
    nwb.add_unit_column(name="sorter", description="program")
    nwb.add_unit_column(name="cluster_id", description="number")
    for number, times_s in enumerate(SPIKE_TIMES_S):
        nwb.add_unit(
            id=number + 5, spike_times=times_s, electrodes=[number, 3], waveform_mean=np.sin(np.arange(8.0)) * 1e-5,
            snr=4.0 + number, trough_to_peak_ms=0.3, isi_violations=float("nan"),
            cell_type=("inhibitory", "excitatory")[number], sorter="osort", cluster_id=number + 1,
        )  # fmt: skip
    return write(nwb, tmp_path_factory.mktemp("bundle") / "sub-P07_ses-baseline_ecephys.nwb")


@pytest.fixture
def wire_file(tmp_path: Path) -> Path:
    """The layout of DANDI 000623: one group per contact, LFP_micro and LFP_macro, plain electrodes of units."""
    nwb = empty_file()
    device = nwb.create_device(name="Neuralynx", description="Macro-Micro Hybrid Depth Electrodes")
    labels = ("LHIP1", "LHIP2", "RAMY1", "LOFC1")
    places = ("Left Hippocampus", "Left Hippocampus", "amygdala_right", "LAH")
    nwb.add_electrode_column(name="label", description="name of the contact")
    for number, (label, place) in enumerate(zip(labels, places, strict=True)):
        group = nwb.create_electrode_group(
            name=f"contact-{number}", description="contact", location=place, device=device
        )
        nwb.add_electrode(group=group, location=place, label=label)
    module = nwb.create_processing_module(name="ecephys", description="field potentials")
    for name, rows in (("LFP_micro", [0, 1, 2]), ("LFP_macro", [3])):
        region = nwb.create_electrode_table_region(region=rows, description=name)
        lfp = LFP(name=name)
        module.add(lfp)
        lfp.create_electrical_series(name="ElectricalSeries", data=VOLTS[:, rows], electrodes=region, rate=RATE_HZ)
    for row, times_s in enumerate(SPIKE_TIMES_S, start=1):
        nwb.add_unit(spike_times=times_s, electrodes=[row])
    path = write(nwb, tmp_path / "sub-CS41.nwb")
    with h5py.File(path, "a") as file:
        del file["units/electrodes_index"]  # pynwb always writes one
    return path


@pytest.fixture
def one_wire_file(tmp_path: Path) -> Callable[..., Path]:
    """Write one wire whose series has the arguments given."""

    def build(data: np.ndarray = VOLTS[:, 0], **options: object) -> Path:
        nwb = empty_file()
        group = nwb.create_electrode_group(
            name="LHIP", description="bundle", location="left hippocampus", device=nwb.create_device(name="NSP1")
        )
        nwb.add_electrode(group=group, location="left hippocampus")
        region = nwb.create_electrode_table_region(region=[0], description="all")
        nwb.add_acquisition(ElectricalSeries(name="ElectricalSeries", data=data, electrodes=region, **options))
        return write(nwb, tmp_path / "one_wire.nwb")

    return build


def _tables() -> ResultTables:
    """Tables of a study in which one of the two units was left out."""
    common = {"participant": "P07", "session": "baseline", "region": "hippocampus", "hemisphere": "left"}
    interval = {"low": 0.55, "high": 0.65}
    return ResultTables(
        bands=(Band(name="theta", low_hz=4, high_hz=8), Band(name="gamma", low_hz=30, high_hz=55)),
        folds=(FoldRecord(fold=1, held_out=("P07", "P08"), train_units=20, test_units=3),),
        units=(
            UnitRecord(**common, unit_id=5, unit_row=0, cell_type="inhibitory", predictor="neighbour",
                       n_spikes=30, rate_hz=1.5, roc_auc=0.61, bits_per_spike=0.02),
            UnitRecord(**common, unit_id=6, unit_row=1, cell_type="excitatory", predictor="neighbour",
                       n_spikes=4, rate_hz=0.2, excluded_reason="fewer than 15 spikes"),
        ),
        models=tuple(
            ModelRecord(protocol="unseen-participant", model=model, cell_type="all", predictor="neighbour",
                        metric="roc_auc", mean=mean, n_units=23, n_participants=3, **interval)
            for model, mean in (("bilstm", 0.6), ("logistic", 0.59))
        ),
        lobo=(
            LoboRecord(band="gamma", mode="drop", model="bilstm", cell_type="all", delta_roc_auc=0.03, p=0.01,
                       n_units=23, low=0.01, high=0.05),
            LoboRecord(band="theta", mode="drop", model="bilstm", cell_type="all", delta_roc_auc=0.0, p=None,
                       n_units=23, low=None, high=None),
        ),
        transfer=tuple(
            TransferRecord(train_region="hippocampus", train_hemisphere="left", test_region=region,
                           test_hemisphere=None, cell_type="all", roc_auc=roc_auc, within_roc_auc=0.59, n_units=9,
                           n_participants=2, all_places_roc_auc=0.61, train_units=31, within_train_units=own,
                           **interval)
            for region, roc_auc, own in (("amygdala", 0.58, 12), ("orbitofrontal", 0.57, None))
        ),
    )  # fmt: skip


@pytest.fixture(scope="session")
def results(bundle_template: Path) -> SessionResults:
    """What a study of three participants could have found of `bundle_file`, whose rows 0 and 1 are units 5 and 6."""
    probabilities = np.random.default_rng(3).random((400, 2)).astype(np.float32)
    probabilities[:10] = np.nan
    shared = {"model": "bilstm", "rate_hz": 200.0, "start_s": 0.5, "unit_rows": (1, 0)}
    model = ModelProvenance(
        name="model",
        model="bilstm",
        protocol="unseen-participant",
        fold=1,
        architecture="bidirectional LSTM 64 + 32",
        settings={"seed": 0, "target": {"bin_ms": 5}},
        weights_sha256="ab" * 32,
        versions={"keras": "3.9", "nwb-spikeinference": "0.1.0"},
        training_participants=("P01", "P02"),
    )
    within = [
        replace(
            model,
            name=f"model_within_session_fold_{fold}",
            protocol="within-session",
            fold=fold,
            weights_sha256=f"c{fold}" * 32,
        )
        for fold in (0, 1)
    ]
    halves = (("model_within_session_fold_0", 0, 0.5, 1.5), ("model_within_session_fold_1", 1, 1.5, 2.5))
    return SessionResults(
        study="three",
        participant="P07",
        session="baseline",
        source_sha256=sha256_file(bundle_template),
        main=SpikeProbabilities(
            protocol="unseen-participant", probabilities=probabilities,
            stretches=tuple(
                InferredStretch(unit_row=row, fold=1, model="model", start_s=0.5, stop_s=2.5) for row in (0, 1)
            ), **shared
        ),
        within_session=SpikeProbabilities(
            protocol="within-session", probabilities=probabilities[::-1],
            stretches=tuple(
                InferredStretch(unit_row=row, fold=fold, model=name, start_s=start_s, stop_s=stop_s)
                for name, fold, start_s, stop_s in halves
                for row in (0, 1)
            ), **shared
        ),
        models=(model, *within),
        tables=_tables(),
    )  # fmt: skip


def fitted(results: SessionResults, source: Path, unit_rows: tuple[int, int]) -> SessionResults:
    """The main results as of two units of another file."""
    main = results.main
    stretches = tuple(replace(main.stretches[0], unit_row=row) for row in unit_rows)
    return replace(
        results,
        source_sha256=sha256_file(source),
        main=replace(main, unit_rows=unit_rows, stretches=stretches),
        within_session=None,
        models=results.models[:1],
        tables=replace(results.tables, units=()),
    )


def read_all(path: Path, number: int = 0) -> np.ndarray:
    block = read_session(path).blocks[number]
    with open_signals(path) as open_block:
        return open_block(block).read(0, block.n_samples)
