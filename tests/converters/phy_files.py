"""
A small Phy folder, written from the description of its files.

References
----------
.. [1] https://github.com/kwikteam/phy-contrib/blob/master/docs/template-gui.md
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

RATE_HZ = 30000.0
N_ROWS = 5  # channels of the file that was sorted; row 3 was not used
ROW_OF_CHANNEL = (4, 0, 2, 1)
SAMPLES = (30000, 60000, 45000, 15000, 90000)
CLUSTERS = (7, 2, 7, 2, 9)
TEMPLATES = (0, 1, 0, 1, 2)
PEAK_CHANNELS = (1, 3, 0)  # of templates: rows 0, 1 and 4
TABLES = {"cluster_KSLabel.tsv": "cluster_id\tKSLabel\n2\tgood\n7\tmua\n9\tgood\n"}


def make_templates(peak_channels: tuple[int, ...] = PEAK_CHANNELS, size: float = 2.0) -> NDArray[np.float32]:
    """Templates of shape (template, 6 samples, channel) with a trough on one channel and half of it on all others."""
    templates = np.zeros((len(peak_channels), 6, len(ROW_OF_CHANNEL)), dtype=np.float32)
    templates[:, 2, :] = -size / 2
    for template, channel in enumerate(peak_channels):
        templates[template, 2, channel] = -size
    return templates


def write_phy(
    folder: Path,
    *,
    parameters: str | None = None,
    tables: Mapping[str, str] = TABLES,
    **arrays: NDArray[np.generic] | None,
) -> Path:
    """Write a folder of five spikes in three clusters; arrays by name replace the usual ones, None leaves one out."""
    content: dict[str, NDArray[np.generic] | None] = {
        "spike_times": np.array(SAMPLES, dtype=np.uint64)[:, None],
        "spike_clusters": np.array(CLUSTERS, dtype=np.int32),
        "spike_templates": np.array(TEMPLATES, dtype=np.uint32)[:, None],
        "templates": make_templates(),
        "channel_map": np.array([ROW_OF_CHANNEL], dtype=np.int32),
        **arrays,
    }
    folder.mkdir(exist_ok=True)
    for name, array in content.items():
        if array is not None:
            np.save(folder / f"{name}.npy", array)
    for name, text in tables.items():
        (folder / name).write_text(text, encoding="utf-8")
    usual = f"dat_path = ['raw.dat']\nn_channels_dat = {N_ROWS}\ndtype = 'int16'\noffset = 0\nsample_rate = {RATE_HZ}\n"
    (folder / "params.py").write_text(usual if parameters is None else parameters, encoding="utf-8")
    return folder
