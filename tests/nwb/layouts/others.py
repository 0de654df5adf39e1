"""Facsimiles of human recordings of other laboratories: DANDI 000574 and 000576, and an exporter of Neuralynx files."""

from pathlib import Path

import numpy as np
from pynwb import NWBFile
from pynwb.ecephys import LFP, ElectricalSeries

from tests.nwb.layouts.common import new_file, spike_trains, voltages, write

_TRIAL_S, _PAUSE_S = 8.0, 3.0
_CONTACTS = 8  # of one depth electrode
_SHANKS = {
    "AHL": "Hipp, Left Hippocampus rHipp, rostral hippocampus",
    "ECR": "PhG, Right Parahippocampal Gyrus A28/34, area 28/34 (EC, entorhinal cortex)",
    "AL": "Amyg, Left Amygdala mAmyg, medial amygdala",
}
_OUTER = "MTG, Right Middle Temporal Gyrus A21c, caudal area 21"


def write_000574(path: Path, trials: int = 2, *, lfp_hz: float = 32_000.0, with_units: bool = True) -> Path:
    """
    Verbal working memory: scalp EEG, macro contacts and microwires in trials with pauses, one table for all.

    The table lists scalp electrodes and macro contacts alone; units and ``ecephys.lfp`` point to macro contacts. From
    magland/ai_generated_dandiset_summaries, dandisets/000574/summary_prompt.md (version 0.231010.1809: names, columns,
    shapes); places are parcels of the Brainnetome atlas, as the archive's files spell them. Not confirmed: the labels,
    which rows units and ``ecephys.lfp`` name, and its rate (a file's size speaks for 32 kHz, the microwires' rate in
    Boran et al. 2020, Sci. Data 7, 30).
    """
    nwb = new_file("1", "01")
    _zurich_columns(nwb)
    scalp = _zurich_group(nwb, "eeg", "EEG electrodes on scalp", "NicoletOne EEG System")
    macro = _zurich_group(nwb, "ieeg", "iEEG electrodes", "ATLAS Neurophysiology System")
    for label in ("F3", "F4", "C3"):
        nwb.add_electrode(group=scalp, location="n/a", label=label, is_inside_soz=False, x=0.0, y=0.0, z=0.0)
    for shank, place in _SHANKS.items():
        for number in range(1, _CONTACTS + 1):
            nwb.add_electrode(
                group=macro, location=place if number < 4 else "no_label_found" if number == 4 else _OUTER,
                label=f"{shank}{number}", is_inside_soz=False, x=-24.0, y=float(number), z=-12.0,
            )  # fmt: skip
    rows = list(range(3, 3 + _CONTACTS * len(_SHANKS)))
    for name, held, rate_hz in (("ecephys.eeg", [0, 1, 2], 200.0), ("ecephys.ieeg", rows, 2000.0)):
        nwb.add_acquisition(_trials(nwb, name, held, rate_hz, trials))
    wires = rows[: 2 * _CONTACTS]
    module = nwb.create_processing_module(name="ecephys", description="processed extracellular electrophysiology data")
    container = LFP()
    module.add(container)  # before the series, whose electrodes must have a file by then
    container.add_electrical_series(_trials(nwb, "ecephys.lfp", wires, lfp_hz, trials))
    if with_units:
        _zurich_units(nwb, macro, wires[::5], trials)
    return write(nwb, path)


def write_000576(path: Path, trials: int = 2) -> Path:
    """
    Aversive videos: two macro contacts and units that point to them, no signal of microwires.

    Source: magland/ai_generated_dandiset_summaries, dandisets/000576/summary_prompt.md. Not confirmed: labels and rate.
    """
    nwb = new_file("3", "01")
    _zurich_columns(nwb)
    macro = _zurich_group(nwb, "ieeg", "iEEG electrodes", "ATLAS Neurophysiology System")
    for number in (1, 2):
        nwb.add_electrode(
            group=macro, location=_SHANKS["AL"], label=f"AL{number}", is_inside_soz=False, x=-20.0, y=-4.0, z=-19.0
        )
    nwb.add_acquisition(_trials(nwb, "ecephys.ieeg", [0, 1], 2000.0, trials))
    _zurich_units(nwb, macro, [0, 0, 1], trials)
    return write(nwb, path)


def write_neuralynx_export(path: Path, seconds: float = 4.0) -> Path:
    """
    An exporter of unpacked Neuralynx channels: a group per headstage bank, wires named ``GA1-RA1``, LFP at 2 kHz.

    Source: an ``nwbExport`` script of a laboratory at UCLA (``GA1``, ``RAH1``, ``LFP_micro``, 2000 Hz), found by its
    text; its repository is not known. Not confirmed: whether micro and macro series share one region.
    """
    nwb = new_file("572", "2")
    nwb.add_electrode_column(name="label", description="label")
    device = nwb.create_device(name="array", description="Neuralynx Pegasus")
    for bank, wire in (("GA1", "RA"), ("GA2", "REC"), ("GA3", "RAH")):
        group = nwb.create_electrode_group(
            name=bank, description=f"electrode group for {bank}", location=f"{wire}1", device=device
        )
        for number in range(1, 9):
            label = f"{bank}-{wire}{number}"
            nwb.add_electrode(group=group, location=label, label=label, x=111.0, y=111.0, z=111.0)
    region = nwb.create_electrode_table_region(region=list(range(24)), description="all electrodes")
    module = nwb.create_processing_module(name="ecephys", description="LFP")
    series = ElectricalSeries(
        name="ElectricalSeries",
        data=voltages(round(2000 * seconds), 24),
        electrodes=region,
        timestamps=1.7e9 + np.arange(round(2000 * seconds)) / 2000,  # seconds since 1970
    )
    container = LFP(name="microLFP")
    module.add(container)
    container.add_electrical_series(series)
    for number, times in enumerate(spike_trains(3, seconds)):
        nwb.add_unit(spike_times=1.7e9 + times, electrodes=[8 * number])
    return write(nwb, path)


def _zurich_columns(nwb: NWBFile) -> None:
    nwb.add_electrode_column(name="label", description="Channel label referenced by other data arrays")
    nwb.add_electrode_column(name="is_inside_soz", description="Whether it is inside the seizure onset zone")


def _zurich_group(nwb: NWBFile, name: str, description: str, device: str) -> object:
    return nwb.create_electrode_group(
        name=name, description=description, location="n/a", device=nwb.create_device(name=device)
    )


def _zurich_units(nwb: NWBFile, group: object, rows: list[int], trials: int) -> None:
    nwb.add_unit_column(name="offset", description="seconds of the first waveform voltage relative to the spike")
    starts = np.arange(trials) * (_TRIAL_S + _PAUSE_S)
    for row, times in zip(rows, spike_trains(len(rows), trials * _TRIAL_S), strict=True):
        moved = times + np.floor(times / _TRIAL_S) * _PAUSE_S
        nwb.add_unit(
            spike_times=moved, electrodes=[row], electrode_group=group, offset=-6.25e-4,
            obs_intervals=np.stack([starts, starts + _TRIAL_S], axis=1),
            waveform_mean=np.sin(np.arange(64) / 10) * 1e-5, waveform_sd=np.ones(64) * 1e-6,
        )  # fmt: skip


def _trials(nwb: NWBFile, name: str, rows: list[int], rate_hz: float, trials: int) -> ElectricalSeries:
    """A series with time stamps that pause between trials."""
    n_samples = round(rate_hz * _TRIAL_S)
    within = np.arange(n_samples) / rate_hz
    return ElectricalSeries(
        name=name,
        data=voltages(trials * n_samples, len(rows)).astype(np.float32),
        electrodes=nwb.create_electrode_table_region(region=rows, description=name),
        timestamps=np.concatenate([trial * (_TRIAL_S + _PAUSE_S) + within for trial in range(trials)]),
    )
