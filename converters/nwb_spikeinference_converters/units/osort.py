"""
OSort: ``A<channel>_sorted_new.mat``, one file per channel.

For each spike, `assignedNegative` has its cluster (99999999 is noise) and `newTimestampsNegative` its time in
microseconds on the recorder's clock; clusters that somebody decided to keep are listed in `useNegative`, and only those
become units. Spikes of either sign are in the variables called "Negative". `newSpikesNegative` has one waveform per
row: 256 points, interpolated from 64 or 84 samples to about 100 kHz; times `scalingFactor` they are volts.

References
----------
.. [1] Rutishauser, Schuman & Mamelak (2006), J. Neurosci. Methods 154, 204-224.
.. [2] https://rutishauserlab.org/osort (OSort 3 and 4; upsampleSpikes.m: "from raw sampling to 100kHz").
"""

from pathlib import Path

import numpy as np

from nwb_spikeinference.session_config import UnitsSettings
from nwb_spikeinference_converters.units.mat_files import Variables, read_mat, scalar, spike_rows, vector, whole_numbers
from nwb_spikeinference_converters.units.shape import ReadContext, UnitsFile, is_kept_label, make_unit
from nwb_spikeinference_converters.units.times import choose_rate_hz, ticks_per_second, to_seconds
from nwb_spikeinference_converters.units.wires import Wire, find_wire

NOISE_CLUSTER = 99999999
_WAVEFORM_RATE_HZ = 100_000.0
_VARIABLES = (
    "assignedNegative", "newTimestampsNegative", "newSpikesNegative", "useNegative", "useMUA", "scalingFactor",
    "noiseTraces",
)  # fmt: skip


def read_osort_units(path: Path, settings: UnitsSettings, context: ReadContext) -> UnitsFile:
    """Each cluster that the file lists as used is a unit."""
    content = read_mat(path, _VARIABLES)
    wire = find_wire(path, path.stem, settings, context, csc="csc|a(?:_ss)?")
    notes = wire.notes
    clusters = whole_numbers(vector(content, "assignedNegative", path), "'assignedNegative'", path)
    stamps = vector(content, "newTimestampsNegative", path, length=len(clusters))
    times_s = to_seconds(stamps, "us", settings, None, path)
    waveforms = spike_rows(content, "newSpikesNegative", path, len(clusters))
    volts_per_step = scalar(content, "scalingFactor")
    if volts_per_step is None:
        waveforms = None
        notes = (*notes, "waveforms left out, since the file lacks 'scalingFactor', their volts per step")
    units = [
        make_unit(
            channel=wire.channel,
            cluster_id=cluster,
            spike_times_s=times_s[members],
            sorter=settings.sorter or "OSort",
            waveforms=None if waveforms is None else waveforms[members] * volts_per_step,
            waveform_rate_hz=_waveform_rate_hz(path, content, settings, wire),
            label=label,
            source=str(path),
        )
        for cluster, label in _used_clusters(content, path).items()
        if is_kept_label(label, settings) and len(members := np.flatnonzero(clusters == cluster))
    ]
    n_left_out = len(clusters) - sum(len(unit.spike_times_s) for unit in units)
    if n_left_out:
        notes = (*notes, f"{n_left_out} of {len(clusters)} spikes in noise and in clusters not used left out")
    return UnitsFile(
        units=tuple(units),
        clock=settings.clock or "recorder",
        resolution_s=1 / ticks_per_second("us", settings, None, path),
        counts_samples=settings.time_unit == "sample",
        files=(path,),
        notes=notes,
    )


def _used_clusters(content: Variables, path: Path) -> dict[int, str | None]:
    """Numbers of clusters that are kept, with the label of those that were called multi-units."""
    used = whole_numbers(vector(content, "useNegative", path), "'useNegative'", path).tolist()
    multi = whole_numbers(content.get("useMUA", np.zeros(0)), "'useMUA'", path).ravel().tolist()
    return {number: "MUA" if number in multi else None for number in sorted({*used, *multi} - {NOISE_CLUSTER})}


def _waveform_rate_hz(path: Path, content: Variables, settings: UnitsSettings, wire: Wire) -> float:
    """
    Points per second of waveforms.

    Exact where the recording's rate is known (from its .ncs file, or `rate_hz` in session.yaml), and the file tells of
    how many samples the points were made: `noiseTraces`, the noise's autocorrelation, is as long.
    """
    rate_hz = choose_rate_hz(path, settings, wire.rate_hz)
    noise, spikes = content.get("noiseTraces"), content.get("newSpikesNegative")
    if rate_hz is None or noise is None or spikes is None or noise.size not in (64, 84):
        return _WAVEFORM_RATE_HZ
    return float(rate_hz * spikes.shape[-1] / noise.size)
