"""
Templates of a Phy folder: on which row of the sorted file the spikes of a cluster are largest.

References
----------
How Phy itself finds a cluster's channel: https://github.com/cortex-lab/phylib, ``phylib/io/model.py``
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nwb_spikeinference.errors import InputError
from nwb_spikeinference.recordings import FloatArray, IntArray
from nwb_spikeinference_converters.units.phy.phy_files import load_array, load_whole_numbers

_COLUMN_FILES = ("templates_ind.npy", "template_ind.npy")


@dataclass(frozen=True, slots=True, kw_only=True)
class Templates:
    """Shapes that the sorter matched, and where on the probe they lie."""

    shapes: NDArray[Any]  # (n_templates, n_samples, n_local), in units of the whitened signal
    columns: IntArray  # (n_templates, n_local): probe channel of each shape; -1 or n_channels fill up
    unwhiten: FloatArray  # (n_channels, n_channels)
    row_of_channel: IntArray  # (n_channels,): row of the sorted file
    of_spike: IntArray  # (n_spikes,)
    files: tuple[Path, ...]

    def peak_row(self, cluster: int, members: IntArray) -> int:
        """
        Row of the sorted file on which the mean template of a cluster's spikes is largest, trough to peak.

        Raises
        ------
        InputError
            If the mean template is flat.
        """
        n_channels = len(self.row_of_channel)
        mean = np.zeros((self.shapes.shape[1], n_channels))
        for template, count in zip(*np.unique(self.of_spike[members], return_counts=True), strict=True):
            columns = self.columns[template]
            used = (columns >= 0) & (columns < n_channels)
            mean[:, columns[used]] += count * self.shapes[template][:, used]
        size = np.ptp(mean @ self.unwhiten, axis=0)
        if not np.max(size) > 0:
            raise InputError(
                f"{self.files[0]}: the templates of cluster {cluster} are flat, so its channel is unknown; discard the "
                f"cluster in Phy, or add 'channel:' to this entry of 'units' in session.yaml"
            )
        return int(self.row_of_channel[np.argmax(size)])


def load_templates(folder: Path, n_spikes: int, n_rows: int) -> Templates:
    """
    Load the templates of a folder and check that its files fit each other.

    Parameters
    ----------
    n_rows : int
        Channels of the file that was sorted.

    Raises
    ------
    InputError
        If a file is missing or damaged, or does not fit the others.
    """
    shapes = load_array(folder / "templates.npy", 3)
    of_spike = load_whole_numbers(folder / "spike_templates.npy", 1)
    row_of_channel = load_whole_numbers(folder / "channel_map.npy", 1)
    files = [folder / name for name in ("templates.npy", "spike_templates.npy", "channel_map.npy")]
    n_templates, _, n_local = shapes.shape
    n_channels = len(row_of_channel)
    if len(of_spike) != n_spikes or np.any((of_spike < 0) | (of_spike >= n_templates)):
        raise InputError(f"{files[1]}: must name one of {n_templates} templates for each of {n_spikes} spikes")
    if not n_channels or np.any((row_of_channel < 0) | (row_of_channel >= n_rows)):
        raise InputError(f"{files[2]}: must name rows of the sorted file, 0 to {n_rows - 1}")
    column_file = next((folder / name for name in _COLUMN_FILES if (folder / name).exists()), None)
    columns: IntArray
    if column_file is None:
        columns = np.tile(np.arange(n_local, dtype=np.int64), (n_templates, 1))
        fits = n_local == n_channels
    else:
        columns = load_whole_numbers(column_file, 2)
        files.append(column_file)
        fits = columns.shape == (n_templates, n_local)
    if not fits:
        raise InputError(f"{files[0]}: shape {shapes.shape} does not fit {files[-1].name}; export the folder again")
    unwhiten, whitening_files = _load_unwhitening(folder, n_channels)
    return Templates(
        shapes=shapes,
        columns=columns,
        unwhiten=unwhiten,
        row_of_channel=row_of_channel,
        of_spike=of_spike,
        files=(*files, *whitening_files),
    )


def _load_unwhitening(folder: Path, n_channels: int) -> tuple[FloatArray, list[Path]]:
    path = folder / "whitening_mat_inv.npy"
    if not path.exists():
        return np.eye(n_channels), []
    matrix = load_array(path, 2)
    if matrix.shape != (n_channels, n_channels):
        raise InputError(
            f"{path}: has the shape {matrix.shape}; {n_channels} channels are needed, as in channel_map.npy"
        )
    return np.asarray(matrix, dtype=np.float64), [path]
