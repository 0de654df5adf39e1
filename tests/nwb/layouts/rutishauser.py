"""
Facsimiles of the human single-neuron datasets of one laboratory: DANDI 000004, 000207, 000469, 000623 and 000673.

Names, types and shapes of groups and columns are those that the summaries of magland/ai_generated_dandiset_summaries
(dandisets/ID/summary_prompt.md) list of the published files; texts of places are those of the exporters named below.
"""

from pathlib import Path
from typing import Any

import numpy as np
from pynwb import NWBFile
from pynwb.ecephys import LFP, ElectricalSeries

from tests.nwb.layouts.common import (
    WAVEFORM_HZ,
    make_texts_bytes,
    make_units_plain,
    new_file,
    spike_trains,
    voltages,
    waveforms,
    write,
)

_WIRES = 8
_TIPS = {"left": -24.5, "right": 26.63}  # x of a bundle's end, in mm
_BEHNKE_FRIED = (
    "Behnke Fried/Micro Inner Wire Bundle (Behnke-Fried BF08R-SP05X-000 and WB09R-SP00X-0B6; Ad-Tech Medical)"
)
_HYBRID = (
    "Recordings were performed with Macro-Micro Hybrid Depth Electrodes with Behnke Fried/Micro Inner Wire Bundle in "
    "which each individual microwire has a diameter of 40 microns. Likwise, each Depth Electrode has 8 microwires."
)


def write_000004(path: Path, seconds: float = 4.0) -> Path:
    """
    New/old recognition: units only, by Python.

    Source: rutishauserlab/recogmem-release-NWB, .../python/export/no2nwb.py and .../export/helpers/getBrainAreaLOC.m.
    Not confirmed: the NWB version of the published files, and whether ``SNR`` is that of the peak.
    """
    nwb = new_file("P10HMH", "7")
    _columns(nwb, origChannel="the original channel id", imp="impedance")
    device = nwb.create_device(name="Neuralynx-cheetah")
    places = ("Left Hippocampus", "Right Hippocampus", "Left Amygdala", "Right Amygdala")
    for row, channel in enumerate((1, 2, 13, 14, 19, 20, 25, 26)):
        place = places[row // 2]
        name = f"Neuralynx-cheetah-microwires-{channel}"
        group = nwb.create_electrode_group(name=name, description=_BEHNKE_FRIED, location=place, device=device)
        nwb.add_electrode(
            group=group, location=place, origChannel=np.uint16(channel), imp=np.nan, filtering="300-3000Hz",
            x=_TIPS[place.split()[0].lower()], y=-15.8, z=-16.5,
        )  # fmt: skip
    _unit_columns(
        nwb, "origClusterID", "waveform_mean_encoding", "waveform_mean_recognition", "IsolationDist", "SNR",
        "waveform_mean_sampling_rate",
    )  # fmt: skip
    for number, (times, waveform) in enumerate(zip(spike_trains(3, seconds), waveforms(3), strict=True)):
        nwb.add_unit(
            spike_times=times, electrodes=[2 * number], origClusterID=1000 + number, waveform_mean_encoding=waveform,
            waveform_mean_recognition=waveform, IsolationDist=20.0, SNR=4.0, waveform_mean_sampling_rate=[WAVEFORM_HZ],
        )  # fmt: skip
    return write(nwb, path)


def write_000207(path: Path, seconds: float = 4.0) -> Path:
    """
    Cognitive boundaries: units only, by MATLAB, texts as bytes, plain electrodes of units; also DANDI 000940.

    Source: the published file sub-4_ses-4_ecephys+image.nwb (version 0.230530.1822). ``group_name`` says ``micros`` of
    every group there, and bundles of one structure share their coordinates. Not confirmed for 000940: its code
    (rutishauserlab/cogboundary-phasepre-release-NWB) reads LFP from a column ``lfp`` of the table of trials: no
    continuous signal.
    """
    nwb = new_file("4", "4")
    _microwires(nwb, [("hippocampus_right", 137), ("hippocampus_right", 185), ("amygdala_right", 153)], wires=_WIRES)
    for number, times in enumerate(spike_trains(4, seconds)):
        nwb.add_unit(spike_times=times, electrodes=[7 * number])
    return _as_matlab(nwb, path)


def write_000469(path: Path, seconds: float = 4.0, **subject: str) -> Path:
    """
    Sternberg task: units only, with all waveforms and measures of quality.

    Source: rutishauserlab/workingmem-release-NWB, NWB_SB/helpers/custom/translateArea_SB.m (places). Not confirmed: the
    numbers of the original channels.
    """
    nwb = new_file("20", "2", **subject)
    _sternberg(nwb, seconds)
    return _as_matlab(nwb, path)


def write_000673(path: Path, seconds: float = 4.0, subject_id: str = "4", seed: int = 0) -> Path:
    """
    Sternberg task with LFP: as 000469, and ``/acquisition/LFPs`` at 400 Hz; also DANDI 001187 (units alone confirmed).

    Source: rutishauserlab/SBCAT-release-NWB, .../internal/PAC/NWB_samplePAC_LFP.m (name, rate, starting time). Not
    confirmed: which contacts ``LFPs`` holds beside microwires, if any, and its first time stamp.
    """
    nwb = new_file(subject_id, "1")
    _sternberg(nwb, seconds, seed)
    n_wires = len(nwb.electrodes)
    region = nwb.create_electrode_table_region(region=list(range(n_wires)), description="LFP electrodes")
    lfp = voltages(round(400 * seconds), n_wires, seed)
    nwb.add_acquisition(ElectricalSeries(name="LFPs", data=lfp, electrodes=region, rate=400.0, starting_time=0.0))
    return _as_matlab(nwb, path)


def write_000623(path: Path, seconds: float = 4.0, *, pad_s: float = 10.0, macro_only: bool = False) -> Path:
    """
    Movie watching: LFP of microwires and macro contacts, a group per contact, spikes on another clock than the LFP.

    Spike times count from the start of the movie, LFP from 10 s before, which its description says. Source:
    rutishauserlab/bmovie-release-NWB-BIDS, code/inlab_src/generate_movieNWBs.py. Not confirmed: the endings of
    ``origchannel_name`` (its first four letters are side and area) and the rate of the LFP.

    Parameters
    ----------
    macro_only : bool
        As the files whose microwires gave no LFP: without units, wires and LFP_micro.
    """
    nwb = new_file("CS41", "P41CSR1")
    _columns(
        nwb, origchannel="The original channel ID", pairwise_distances="between units of the channel",
        origchannel_name="The original lab specific channel name",
    )  # fmt: skip
    device = nwb.create_device(name="Neuralynx-Atlas", description="CS - Neuralynx-Atlas")
    areas = {"LHIP": "Left hippocampus", "RAMY": "Right amygdala", "ROFC": "Right vmPFC", "RSPE": "RSPE"}
    kinds = [("macro", "macros", "macros", 4)]
    if not macro_only:
        kinds.insert(0, ("micro", "microwire", _BEHNKE_FRIED, _WIRES))
    rows: dict[str, list[int]] = {}
    for kind, name, description, per_area in kinds:
        for number in range(1, len(areas) * per_area + 1):
            area, place = list(areas.items())[(number - 1) // per_area]
            group = nwb.create_electrode_group(
                name=f"Neuralynx-Atlas-{name}-{number}", description=description, location=place, device=device
            )
            rows.setdefault(kind, []).append(0 if nwb.electrodes is None else len(nwb.electrodes))
            nwb.add_electrode(
                id=rows[kind][-1], group=group, location=place, origchannel=f"{kind}-{number}", pairwise_distances="NA",
                origchannel_name=f"{area}{(number - 1) % per_area + 1}", x=1.0, y=2.0, z=3.0,
            )  # fmt: skip
    module = nwb.create_processing_module(name="ecephys", description="processed extracellular electrophysiology data")
    for kind, held in rows.items():
        series = ElectricalSeries(
            name="ElectricalSeries",
            data=voltages(round(1000 * (seconds + 2 * pad_s)), len(held)),
            electrodes=nwb.create_electrode_table_region(region=held, description=f"electrodes for {kind}s"),
            rate=1000.0,
            starting_time=0.0,
            description=f"Local field potentials from {kind}s. Note that the session starts at {pad_s} seconds.",
        )
        container = LFP(name=f"LFP_{kind}")
        module.add(container)  # before the series, whose electrodes must have a file by then
        container.add_electrical_series(series)
    if not macro_only:
        _movie_units(nwb, seconds)
    return write(nwb, path)


def _movie_units(nwb: NWBFile, seconds: float) -> None:
    _unit_columns(
        nwb, "unit_id", "electrode_id", "electrodegroup_label", "origcluster_id", "waveform_mean_encoding", "meanSNR",
        "peakSNR", "isibelow", "waveform_mean_sampling_rate",
    )  # fmt: skip
    for number, (times, waveform) in enumerate(zip(spike_trains(3, seconds), waveforms(3), strict=True)):
        row = _WIRES * number + 2
        nwb.add_unit(
            id=number, spike_times=times, electrodes=[row], unit_id=f"{row + 1}_1_{number}", electrode_id=row,
            electrodegroup_label=f"Neuralynx-Atlas-microwire-{row + 1}", origcluster_id=1000 + number,
            waveform_mean_encoding=waveform, meanSNR=1.5, peakSNR=5.0, isibelow=0.3,
            waveform_mean_sampling_rate=[100_000],
        )  # fmt: skip


def _sternberg(nwb: NWBFile, seconds: float, seed: int = 0) -> None:
    places = ("hippocampus_left", "amygdala_right", "dorsal_anterior_cingulate_cortex_left",
              "pre_supplementary_motor_area_left", "ventral_medial_prefrontal_cortex_right")  # fmt: skip
    _microwires(nwb, [(place, 33 + 8 * number) for number, place in enumerate(places)], wires=_WIRES)
    _unit_columns(
        nwb, "clusterID_orig", "waveforms_mean_snr", "waveforms_peak_snr", "waveforms_isolation_distance",
        "waveforms_mean_proj_dist",
    )  # fmt: skip
    trains = spike_trains(len(places), seconds, seed)
    for number, (times, waveform) in enumerate(zip(trains, waveforms(len(places)), strict=True)):
        nwb.add_unit(
            spike_times=times, electrodes=[_WIRES * number + 1], clusterID_orig=2000 + number, waveform_mean=waveform,
            waveforms_mean_snr=1.4, waveforms_peak_snr=6.0, waveforms_isolation_distance=30.0,
            waveforms_mean_proj_dist=9.0,
        )  # fmt: skip


def _microwires(nwb: NWBFile, bundles: list[tuple[str, int]], wires: int) -> None:
    """A device and a group per wire, in the order of channels from the given ones on; one point per side."""
    _columns(nwb, origChannel="my description", imp="my description")
    for place, first in bundles:
        for channel in range(first, first + wires):
            name = f"NLX-microwires-{channel}"
            device = nwb.create_device(name=name, description=_HYBRID)
            group = nwb.create_electrode_group(name=name, description="Microwire", location=place, device=device)
            nwb.add_electrode(
                group=group, location=place, origChannel=float(channel), imp=np.nan, filtering="300-3000Hz",
                x=_TIPS[place.rpartition("_")[2]], y=-15.83, z=-16.49,
            )  # fmt: skip


def _columns(nwb: NWBFile, **descriptions: str) -> None:
    for name, description in descriptions.items():
        nwb.add_electrode_column(name=name, description=description)


def _unit_columns(nwb: NWBFile, *names: str) -> None:
    for name in names:
        nwb.add_unit_column(name=name, description=f"the {name}")


def _as_matlab(nwb: NWBFile, path: Path) -> Path:
    return make_texts_bytes(make_units_plain(write(nwb, path)), "location", "group_name", "filtering")


FILES: dict[str, Any] = {
    "000004": write_000004,
    "000207": write_000207,
    "000469": write_000469,
    "000623": write_000623,
    "000673": write_000673,
}
