"""
NeuroExplorer ``.nex`` and ``.nex5`` files, which Offline Sorter exports: their spike trains and waveforms.

References
----------
Layout: NexFile.h and Nex5File.h, https://www.neuroexplorer.com/docs/guides/readwritefiles.html, and
https://github.com/NeuroExplorer/nex5file (headers.py).
"""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nwb_spikeinference.errors import InputError
from nwb_spikeinference.recordings import FloatArray
from nwb_spikeinference_converters.recorder_files import refusing
from nwb_spikeinference_converters.units.plexon.plexon_trains import PlexonContent, PlexonTrain, layout, number_trains

_NEURON, _WAVEFORM = 0, 3
_WAVEFORM_SUFFIX = "_wf"
_FILE_HEADERS = {
    b"NEX1": layout([("version", "<i4", 4), ("ticks_hz", "<f8", 264), ("n_variables", "<i4", 280)], 544),
    b"NEX5": layout([("version", "<i4", 4), ("ticks_hz", "<f8", 264), ("n_variables", "<i4", 280)], 356),
}
_VARIABLE_HEADERS = {
    b"NEX1": layout(
        [
            ("type", "<i4", 0), ("name", "S64", 8), ("offset", "<u4", 72), ("count", "<i4", 76),
            ("rate_hz", "<f8", 112), ("mv_per_step", "<f8", 120), ("n_samples", "<i4", 128), ("offset_mv", "<f8", 140),
        ],
        208,
    ),
    b"NEX5": layout(
        [
            ("type", "<i4", 0), ("name", "S64", 8), ("offset", "<u8", 72), ("count", "<u8", 80),
            ("wide_ticks", "<i4", 88), ("float_values", "<i4", 92), ("rate_hz", "<f8", 96),
            ("mv_per_step", "<f8", 136), ("offset_mv", "<f8", 144), ("n_samples", "<u8", 152),
        ],
        244,
    ),
}  # fmt: skip
_FIRST_VERSION_WITH_OFFSET = 105  # of .nex


def read_nex(path: Path, channel: int | None) -> PlexonContent:
    """
    Read all trains of a file.

    Parameters
    ----------
    channel : int or None
        What session.yaml says; it wins over the names of the trains.

    Raises
    ------
    InputError
        If it is no file of this format, truncated, or a train's name does not tell its channel.
    """
    header, variables = _read_headers(path)
    found: dict[str, PlexonTrain] = {}
    for variable in sorted(variables, key=lambda each: int(each["type"]) != _NEURON):
        name = variable["name"].split(b"\0")[0].decode("latin-1").strip()
        if variable["type"] == _WAVEFORM:
            spikes = _read_waveforms(path, variable, name.removesuffix(_WAVEFORM_SUFFIX), int(header["version"]))
        elif variable["type"] == _NEURON:
            spikes = PlexonTrain(name=name, times=_read_ticks(path, variable))
        else:
            continue
        known = found.get(spikes.name)
        if known is None or np.array_equal(known.times, spikes.times):
            found[spikes.name] = spikes
        elif variable["type"] == _NEURON:
            raise InputError(f"{path}: two trains are called {name!r}; rename one")
    trains = number_trains(list(found.values()), channel, str(path))
    return PlexonContent(trains=trains, ticks_hz=float(header["ticks_hz"]))


def _read_headers(path: Path) -> tuple[Any, NDArray[Any]]:
    with refusing(path, (OSError, ValueError)), path.open("rb") as stream:
        magic = stream.read(4)
        if magic not in _FILE_HEADERS:
            raise InputError(f"{path}: neither a .nex nor a .nex5 file, whatever its name says; export it again")
        stream.seek(0)
        file_header, variable_header = _FILE_HEADERS[magic], _VARIABLE_HEADERS[magic]
        header = np.frombuffer(stream.read(file_header.itemsize), file_header, count=1)[0]
        n_bytes = int(header["n_variables"]) * variable_header.itemsize
        if not 0 <= n_bytes <= path.stat().st_size - file_header.itemsize or not header["ticks_hz"] > 0:
            raise InputError(f"{path}: truncated, or its header is damaged ({header['n_variables']} variables)")
        variables = np.frombuffer(stream.read(n_bytes), variable_header, count=int(header["n_variables"]))
    return header, variables


def _is_set(variable: Any, name: str) -> bool:
    return name in variable.dtype.names and bool(variable[name])


def _read_ticks(path: Path, variable: Any) -> NDArray[Any]:
    dtype = "<i8" if _is_set(variable, "wide_ticks") else "<i4"
    return _read_values(path, dtype, int(variable["offset"]), int(variable["count"]))


def _read_waveforms(path: Path, variable: Any, name: str, version: int) -> PlexonTrain:
    ticks = _read_ticks(path, variable)
    n_samples, rate_hz = int(variable["n_samples"]), float(variable["rate_hz"])
    is_scaled = _is_set(variable, "float_values")
    start = int(variable["offset"]) + ticks.nbytes
    values = _read_values(path, "<f4" if is_scaled else "<i2", start, len(ticks) * n_samples)
    if not n_samples or not rate_hz > 0:
        return PlexonTrain(name=name, times=ticks)
    millivolts: FloatArray = values.reshape(len(ticks), n_samples).astype(np.float64)
    if not is_scaled:
        millivolts *= variable["mv_per_step"]
        if "wide_ticks" in variable.dtype.names or version >= _FIRST_VERSION_WITH_OFFSET:
            millivolts += variable["offset_mv"]
    return PlexonTrain(name=name, times=ticks, waveforms=millivolts / 1e3, waveform_rate_hz=rate_hz)


def _read_values(path: Path, dtype: str, offset: int, count: int) -> NDArray[Any]:
    n_bytes = count * np.dtype(dtype).itemsize
    if count < 0 or offset + n_bytes > path.stat().st_size:
        raise InputError(f"{path}: truncated: data up to byte {offset + n_bytes} expected, {path.stat().st_size} found")
    return np.fromfile(path, dtype=dtype, count=count, offset=offset)
