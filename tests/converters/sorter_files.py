"""Output files of wave_clus, OSort and Combinato, written as their documentation and sources describe them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from scipy.io import savemat

WRITERS = ("v5", "v7.3")  # of MATLAB
NOISE = 99999999  # OSort's cluster of what belongs to none


def write_mat(path: Path, content: Mapping[str, Any], version: str = "v5") -> Path:
    """A MATLAB file; variables that are None are left out, mappings become structs."""
    present = {name: value for name, value in content.items() if value is not None}
    if version == "v5":
        savemat(path, present, do_compression=True)
        return path
    with h5py.File(path, "w", userblock_size=512) as file:
        for name, value in present.items():
            _write_variable(file, name, value)
    with path.open("r+b") as stream:
        stream.write(b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(124) + b"\x00\x02IM")
    return path


def _write_variable(parent: h5py.Group, name: str, value: Any) -> None:
    if isinstance(value, Mapping):
        group = parent.create_group(name)
        group.attrs["MATLAB_class"] = np.bytes_("struct")
        for field, content in value.items():
            _write_variable(group, field, content)
    elif isinstance(value, str):
        data = parent.create_dataset(name, data=np.array([[ord(letter)] for letter in value], dtype=np.uint16))
        data.attrs["MATLAB_class"] = np.bytes_("char")
    else:
        array = np.atleast_2d(value)
        stored = array.T if array.size else np.array(array.shape, dtype=np.uint64)
        data = parent.create_dataset(name, data=stored)
        data.attrs["MATLAB_class"] = np.bytes_("double")
        if not array.size:
            data.attrs["MATLAB_empty"] = np.uint8(1)


def write_wave_clus(path: Path, version: str = "v5", **changes: Any) -> Path:
    """Five spikes of 30 kHz: classes 1 and 2, and one that no class took."""
    waveforms = np.array([[0, -20, 5], [0, -30, 5], [0, -99, 9], [0, -40, 5], [0, -50, 15]], dtype=np.float64)
    content = {
        "cluster_class": np.array([[1, 500.0], [2, 1000.0], [0, 1200.0], [1, 250.0], [2, 2000.0]]),
        "spikes": waveforms,
        "inspk": np.zeros((5, 10)),
        "par": {"sr": 30000.0, "detection": "neg", "w_pre": 20.0},
        "forced": np.zeros((1, 5)),
    }
    return write_mat(path, {**content, **changes}, version)


def write_osort(path: Path, version: str = "v5", **changes: Any) -> Path:
    """Six spikes: clusters 1112 and 2498 are used, 3303 was rejected, one spike is noise."""
    content = {
        "assignedNegative": np.array([[1112, 2498, NOISE, 1112, 3303, 2498]], dtype=np.float64),
        "newTimestampsNegative": np.array([[3.5e6, 4e6, 4.1e6, 3.25e6, 4.2e6, 5e6]]),
        "newSpikesNegative": np.outer([1.0, 2, 9, 3, 9, 4], np.linspace(0, -100, 256)),
        "allSpikesCorrFree": np.zeros((6, 256)),
        "useNegative": np.array([[2498], [1112]], dtype=np.uint16),
        "useMUA": np.zeros((0, 0)),
        "usePositive": np.zeros((0, 0)),
        "scalingFactor": 1e-7,
        "stdEstimateOrig": 50.0,
        "noiseTraces": np.ones((84, 1)),
    }
    return write_mat(path, {**content, **changes}, version)


def write_combinato_data(folder: Path, n_spikes: int = 8, name: str = "CSC12") -> Path:
    """Spike k of a sign lies at 1000 + 100 k ms and has the trough (or peak) of 10 (k + 1) microvolts."""
    folder.mkdir(exist_ok=True)
    path = folder / f"data_{name}.h5"
    with h5py.File(path, "w") as file:
        for sign, factor in (("neg", -1), ("pos", 1)):
            shape = np.zeros(64)
            shape[19] = factor
            spikes = np.outer(10.0 * np.arange(1, n_spikes + 1), shape)
            file.create_dataset(f"{sign}/spikes", data=spikes.astype(np.float32), maxshape=(None, 64))
            file.create_dataset(f"{sign}/times", data=1000.0 + 100.0 * np.arange(n_spikes), maxshape=(None,))
            file.create_dataset(f"{sign}/artifacts", data=np.zeros(n_spikes, dtype=np.int8))
        file.create_dataset("thr", data=np.array([[1000.0, 2000.0, 25.0]]), maxshape=(None, 3))
    return path


def write_combinato_sorting(folder: Path, name: str = "sort_neg_joe", **changes: Any) -> Path:
    """
    Seven of eight spikes sorted: spike 5 was an artifact before sorting.

    Classes 1 and 2 make group 1 (single unit), 3 group 2 (multi-unit), 4 the artifacts, 0 the unassigned.
    """
    content = {
        "index": np.array([0, 1, 2, 3, 4, 6, 7], dtype=np.uint32),
        "classes": np.array([1, 3, 2, 4, 0, 1, 3], dtype=np.uint16),
        "matches": np.zeros(7, dtype=np.int8),
        "distance": np.zeros(7, dtype=np.float32),
        "artifacts": np.array([[0, 0], [1, 0], [2, 0], [3, 0], [4, 1]], dtype=np.int64),
        "groups": np.array([[0, 0], [1, 1], [2, 1], [3, 2], [4, -1]], dtype=np.int16),
        "types": np.array([[-1, -1], [0, 0], [1, 2], [2, 1]], dtype=np.int16),
    }
    (folder / name).mkdir(parents=True, exist_ok=True)
    path = folder / name / "sort_cat.h5"
    with h5py.File(path, "w") as file:
        file.attrs["sign"] = name[5:8]
        for key, value in {**content, **changes}.items():
            if value is not None:
                file.create_dataset(key, data=value)
    return path


def write_combinato(folder: Path, **changes: Any) -> Path:
    """A channel's folder with both files."""
    write_combinato_data(folder)
    write_combinato_sorting(folder, **changes)
    return folder
