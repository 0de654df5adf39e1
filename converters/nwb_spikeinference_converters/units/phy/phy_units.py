"""
Phy folders, as Kilosort and its kin write them, curated or not.

Each cluster that is not noise is a unit. Its channel is where the mean template of its spikes is largest: a row of the
sorted file, which `channels:` in session.yaml, or else the recording in file order, turns into the recorder's channel.
Templates are in units of whitened signal, so they give no waveform in volts; it is measured on the raw signal later.

Spike times are sample numbers of the sorted file. Such a file is a recording's samples without its pauses, hence the
clock `recorded`.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from nwb_spikeinference.errors import InputError
from nwb_spikeinference.recordings import IntArray
from nwb_spikeinference.session_config import UnitsSettings
from nwb_spikeinference_converters.units.phy.phy_files import (
    load_array,
    load_whole_numbers,
    read_cluster_tables,
    read_parameters,
)
from nwb_spikeinference_converters.units.phy.phy_templates import load_templates
from nwb_spikeinference_converters.units.shape import (
    ReadContext,
    SortedUnit,
    UnitsFile,
    group_spikes,
    is_kept_label,
    make_unit,
)
from nwb_spikeinference_converters.units.times import ticks_per_second, to_seconds

_KILOSORT_LABEL = "KSLabel"
_NO_VERDICT = "unsorted"  # what Phy calls a cluster that nobody has judged
# which cluster it is, not how good; texts that people typed are left out as well, since they may name somebody
_NO_QUALITY = frozenset({"id", "ch", "channel", "sh", "shank", "n_spikes"})


def read_phy_units(path: Path, settings: UnitsSettings, context: ReadContext) -> UnitsFile:
    """Units of a folder, or of the ``params.py`` in it."""
    folder = path.parent if path.name == "params.py" else path
    rate_hz, n_channels = read_parameters(folder / "params.py")
    times = load_array(folder / "spike_times.npy", 1)
    clusters, clusters_file = _load_clusters(folder, len(times))
    tables, table_files = read_cluster_tables(folder)
    clusters_found = list(group_spikes(0, clusters))
    kept = [(name, members) for _, name, members in clusters_found if is_kept_label(_label(tables[name]), settings)]
    channels, channel_files, notes = _find_channels(kept, folder, n_channels, settings, context, len(times))
    times_s = to_seconds(times, "sample", settings, rate_hz, folder)
    sorter = settings.sorter or ("Kilosort" if any(_KILOSORT_LABEL in row for row in tables.values()) else "Phy")
    units: list[SortedUnit] = [
        make_unit(
            channel=channel,
            cluster_id=cluster,
            spike_times_s=times_s[members],
            sorter=sorter,
            label=_label(tables[cluster]),
            quality=_quality(tables[cluster]),
            source=str(folder),
        )
        for channel, (cluster, members) in zip(channels, kept, strict=True)
    ]
    n_left_out = len(clusters_found) - len(kept)
    if n_left_out:
        notes = [*notes, f"{n_left_out} of {len(clusters_found)} clusters left out by their label"]
    return UnitsFile(
        units=tuple(units),
        clock=settings.clock or "recorded",
        resolution_s=1 / ticks_per_second("sample", settings, rate_hz, folder),
        counts_samples=settings.time_unit in (None, "sample"),
        rate_hz=rate_hz,
        files=(folder / "params.py", folder / "spike_times.npy", clusters_file, *table_files, *channel_files),
        notes=tuple(notes),
    )


def _load_clusters(folder: Path, n_spikes: int) -> tuple[IntArray, Path]:
    """Cluster of each spike; a folder that Phy has never opened has templates instead."""
    path = folder / "spike_clusters.npy"
    if not path.exists():
        path = folder / "spike_templates.npy"
    clusters = load_whole_numbers(path, 1)
    if len(clusters) != n_spikes:
        raise InputError(f"{path}: {len(clusters)} spikes, but spike_times.npy has {n_spikes}; export the folder again")
    return clusters, path


def _find_channels(
    kept: Sequence[tuple[int, IntArray]],
    folder: Path,
    n_channels: int | None,
    settings: UnitsSettings,
    context: ReadContext,
    n_spikes: int,
) -> tuple[list[int], tuple[Path, ...], list[str]]:
    """The recorder's channel of each cluster, the files that told, and what was assumed."""
    if settings.channel is not None:
        return [settings.channel] * len(kept), (), []
    if n_channels is None:
        raise InputError(
            f"{folder / 'params.py'}: 'n_channels_dat' is missing; add the sorted file's number of channels"
        )
    channels = settings.channels or context.channels
    if len(channels) != n_channels:
        whose = "'channels' in session.yaml lists" if settings.channels else "the recording has"
        raise InputError(
            f"{folder}: the sorted file had {n_channels} channels (n_channels_dat), {whose} {len(channels)}; list the "
            f"recorder's channel of each row of the sorted file under 'channels:' in this entry of 'units'"
        )
    templates = load_templates(folder, n_spikes, n_channels)
    notes = ["rows of the sorted file taken as the recording's channels in file order"]
    found = [channels[templates.peak_row(cluster, members)] for cluster, members in kept]
    return found, templates.files, [] if settings.channels else notes


def _label(row: Mapping[str, str]) -> str | None:
    """The verdict of a person, else that of the sorter."""
    group = row.get("group", _NO_VERDICT)
    return row.get(_KILOSORT_LABEL) if group.lower() == _NO_VERDICT else group


def _quality(row: Mapping[str, str]) -> dict[str, float | str]:
    """Finite numbers, by the sorter's names, and the sorter's own verdict, which a person may have overruled."""
    found: dict[str, float | str] = {_KILOSORT_LABEL: row[_KILOSORT_LABEL]} if _KILOSORT_LABEL in row else {}
    for name, cell in row.items():
        try:
            value = float(cell)
        except ValueError:
            continue
        if name not in _NO_QUALITY and np.isfinite(value):
            found[name] = value
    return found
