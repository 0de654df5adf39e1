"""
The same chain with SpikeInterface (NWB file, folder): prints what it costs per bundle, and how far outputs differ.

Despiking, decimation, notches and band-passes are SpikeInterface's. What it lacks is numpy's and scipy's: the median
over neighbours, the quadrature and the envelope. It has no wide-band features, no masks and no search for discharges,
which this program's time includes.
"""

import json
import resource
import sys
import time
import warnings
from pathlib import Path

import h5py
import numpy as np
from scipy.signal import hilbert
from spikeinterface import preprocessing
from spikeinterface.core import NumpyRecording
from spikeinterface.extractors import read_nwb_recording

RATE_HZ, FACTOR, STEP = 30000.0, 30, 5
warnings.simplefilter("ignore")


def main() -> None:
    """Every bundle of 8 channels, then the comparison."""
    path, folder = Path(sys.argv[1]), Path(sys.argv[2])
    own = np.load(folder / "own.npz")
    whole = read_nwb_recording(path, electrical_series_path="acquisition/ElectricalSeriesRaw")
    trains = spike_trains(path)
    started, started_cpu = time.perf_counter(), time.process_time()
    n_bundles = whole.get_num_channels() // 8
    first = None
    for bundle in range(n_bundles):
        rows = list(range(8 * bundle, 8 * bundle + 8))
        recorded = features_of_bundle(whole, rows, trains, own["edges"])
        first = recorded if first is None else first
    seconds, cpu = time.perf_counter() - started, time.process_time() - started_cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    print(json.dumps({"s": seconds / n_bundles, "cpu_s": cpu / n_bundles, "peak_MB": peak / 1e6} | compare(own, first)))


def features_of_bundle(whole, rows, trains, edges):
    """Own-wire and neighbour features of each wire with a unit; the LFP as recorded."""
    raw = preprocessing.scale_to_uV(whole.select_channels([whole.channel_ids[row] for row in rows]))
    units = {row: train for row, train in trains.items() if row in rows}
    triggers = np.concatenate(list(units.values()))
    labels = np.concatenate([[row] * len(train) for row, train in units.items()])
    order = np.argsort(triggers, kind="stable")
    clean = preprocessing.remove_artifacts(
        raw,
        [triggers[order]],
        list_labels=[labels[order]],
        ms_before=1.0,
        ms_after=2.0,
        mode="average",
        sparsity={row: np.arange(8) == row - rows[0] for row in units},
    )
    recorded, despiked = (lfp_of(one) for one in (raw, clean))
    wires = np.array([row - rows[0] for row in units])
    neighbours = np.stack([np.median(np.delete(despiked, wire, axis=1), axis=1) for wire in wires], axis=1)
    standardised_features(np.concatenate([recorded[:, wires], neighbours], axis=1), edges)
    return recorded


def lfp_of(recording):
    """1 kHz, without line noise; float64."""
    low = preprocessing.decimate(recording, FACTOR, antialias=True).get_traces().astype(np.float64)
    for harmonic in range(60, 498, 60):
        low = preprocessing.notch_filter(
            NumpyRecording([low], RATE_HZ / FACTOR), freq=harmonic, q=harmonic / 2.0, margin_ms=5000.0
        ).get_traces()
    return low


def bandpass(lfp, low_hz, high_hz):
    """One band-pass of second order run both ways, as this program's."""
    recording = NumpyRecording([lfp], RATE_HZ / FACTOR)
    return preprocessing.bandpass_filter(
        recording, freq_min=low_hz, freq_max=high_hz, filter_order=2, margin_ms=5000.0, ignore_low_freq_error=True
    ).get_traces()


def standardised_features(traces, edges):
    """Trace, quadrature and log envelope at bin centres, robust z."""
    for low_hz, high_hz in edges:
        analytic = hilbert(bandpass(traces, low_hz, high_hz), axis=0)[STEP // 2 :: STEP]
        for values in (analytic.real, analytic.imag, np.log10(np.abs(analytic) + 1e-12)):
            centred = values - np.median(values, axis=0)
            np.clip(centred / (1.4826 * np.median(np.abs(centred), axis=0)), -5, 5).astype(np.float32)


def spike_trains(path):
    """Row of the electrode -> samples of its unit's spikes; the first unit of each wire."""
    trains = {}
    with h5py.File(path) as file:
        units = file["units"]
        ends, rows = units["spike_times_index"][()], units["electrodes"][()]
        times = np.round(units["spike_times"][()] * RATE_HZ).astype(np.int64)
        for row, train in zip(rows.tolist(), np.split(times, ends[:-1].tolist()), strict=True):
            trains.setdefault(row, train)
    return trains


def compare(own, recorded):
    """Largest difference of the band-pass traces of one LFP, and of the LFP itself, in standard deviations."""
    inner = slice(5000, -5000)
    lfp = own["lfp"]
    worst = 0.0
    for number, (low_hz, high_hz) in enumerate(own["edges"]):
        theirs, ours = bandpass(lfp * 1e6, low_hz, high_hz)[inner], own["traces"][inner, number] * 1e6
        worst = max(worst, float(np.abs(theirs - ours).max() / theirs.std()))
    difference = {}
    for name, low_hz, high_hz in (("1-175 Hz", 1.0, 175.0), ("200-400 Hz", 200.0, 400.0)):
        theirs, ours = (bandpass(one, low_hz, high_hz)[inner] for one in (recorded, lfp * 1e6))
        difference[name] = float(np.sqrt(np.mean((theirs - ours) ** 2)) / ours.std())
    return {"bandpass_difference": worst, "lfp_difference": difference}


if __name__ == "__main__":
    main()
