"""
Small recordings of Intan, Open Ephys, Plexon and Ripple, written from the descriptions of their formats.

References
----------
.. [1] Intan Technologies, RHD2000 application note: data file formats, https://intantech.com/downloads.html
.. [2] Open Ephys GUI documentation, Binary Format,
       https://open-ephys.github.io/gui-docs/User-Manual/Recording-data/Binary-format.html
.. [3] Plexon Inc., Plexon.h, Offline Files SDK, https://plexon.com/software-downloads
.. [4] Ripple, Trellis NEV Spec, document R01838
"""

import json
import struct
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nwb_spikeinference_converters.protocol import RawRecording

INTAN_BLOCK = 128  # samples per data block since version 2 of the format
RATE_HZ = 30000
AMPLIFIER, AUXILIARY, ADC = 0, 1, 3  # Intan's kinds of signal
Samples = NDArray[np.integer]

BITS = np.random.default_rng(0).integers(0, 2**16, (1280, 4), dtype=np.uint16)  # every bit of every sample counts
SIGNED = BITS.view(np.int16)
STAMPS = np.arange(len(BITS))


def volts_of(recording: RawRecording, n_samples: int) -> np.ndarray:
    """The first samples of a recording, shape (n_samples, n_channels)."""
    gain = np.array([channel.gain for channel in recording.channels])
    offset = np.array([channel.offset_v for channel in recording.channels])
    return recording.read(0, 0, n_samples) * gain + offset


def _qstring(text: str) -> bytes:
    encoded = text.encode("utf-16-le")
    return struct.pack("<I", len(encoded)) + encoded


def intan_header(rate_hz: float, channels: Sequence[tuple[str, int]]) -> bytes:
    """Header of version 3.0; channels are (native name, kind of signal), all in one signal group."""
    header = struct.pack("<Ihh", 0xC6912702, 3, 0)
    header += struct.pack("<fh6fh2f", rate_hz, 1, 1.0, 0.1, 7500.0, 1.0, 0.1, 7500.0, 0, 1000.0, 1000.0)
    header += _qstring("a note") + _qstring("") + _qstring("")
    header += struct.pack("<hh", 0, 1) + _qstring("n/a") + struct.pack("<h", 1)  # temperatures, board mode, one group
    header += _qstring("Port A") + _qstring("A") + struct.pack("<hhh", 1, len(channels), len(channels))
    for order, (name, kind) in enumerate(channels):
        header += _qstring(name) + _qstring(f"my {name}")
        header += struct.pack("<10h2f", order, order, kind, 1, 0, 0, 0, 0, 0, 0, 1e5, -60.0)
    return header


def write_rhd(path: Path, stamps: Samples, amplifier: Samples, adc: Samples, *, rate_hz: float = 30000.0) -> None:
    """
    One file with header and data.

    Parameters
    ----------
    stamps : ndarray of shape (n,)
        Sample numbers; n is a multiple of 128.
    amplifier, adc : ndarray of shape (n, n_channels), uint16
        Channels A-000, A-001, ... and ANALOG-IN-0, ...; one auxiliary channel of a quarter of the rate is made up.
    """
    names = [(f"A-{wire:03d}", AMPLIFIER) for wire in range(amplifier.shape[1])] + [("A-AUX1", AUXILIARY)]
    names += [(f"ANALOG-IN-{wire}", ADC) for wire in range(adc.shape[1])]
    content = [intan_header(rate_hz, names)]
    for at in range(0, len(stamps), INTAN_BLOCK):
        rows = slice(at, at + INTAN_BLOCK)
        content += [stamps[rows].astype("<i4").tobytes(), amplifier[rows].T.astype("<u2").tobytes()]
        content += [np.arange(at // 4, at // 4 + INTAN_BLOCK // 4).astype("<u2").tobytes()]
        content += [adc[rows].T.astype("<u2").tobytes()]
    path.write_bytes(b"".join(content))


def write_intan_folder(folder: Path, stamps: Samples, amplifier: Samples, *, rate_hz: float = 30000.0) -> Path:
    """One file per type of signal; amplifier (n, n_channels) int16. Gives the path of the header."""
    names = [(f"B-{wire:03d}", AMPLIFIER) for wire in range(amplifier.shape[1])]
    (folder / "info.rhd").write_bytes(intan_header(rate_hz, names))
    (folder / "time.dat").write_bytes(stamps.astype("<i4").tobytes())
    (folder / "amplifier.dat").write_bytes(amplifier.astype("<i2").tobytes())
    return folder / "info.rhd"


def write_open_ephys(
    folder: Path, recordings: Sequence[tuple[Samples, Samples]], *, n_adc: int = 0, experiment: int = 1
) -> Path:
    """
    One record node at 30 kHz; gives the path of the first recording's samples.

    Parameters
    ----------
    recordings : sequence of (sample numbers, samples)
        int64 of shape (n,), and int16 of shape (n, n_channels), of which the last `n_adc` are analog inputs.
    """
    stream = "Acquisition_Board-100.Rhythm_Data"
    root = folder / "Record Node 101" / f"experiment{experiment}"
    for number, (stamps, samples) in enumerate(recordings, start=1):
        n_wires = samples.shape[1] - n_adc
        channels = [{"channel_name": f"CH{wire + 1}", "bit_volts": 0.195, "units": "uV"} for wire in range(n_wires)]
        channels += [{"channel_name": f"ADC{port + 1}", "bit_volts": 1.5e-4, "units": "V"} for port in range(n_adc)]
        held = root / f"recording{number}" / "continuous" / stream
        held.mkdir(parents=True)
        (held / "continuous.dat").write_bytes(samples.astype("<i2").tobytes())
        np.save(held / "sample_numbers.npy", stamps.astype(np.int64))
        np.save(held / "timestamps.npy", stamps / 30000)
        structure = {
            "GUI version": "0.6.4",
            "continuous": [{"folder_name": f"{stream}/", "sample_rate": 30000.0, "channels": channels}],
            "events": [],
            "spikes": [],
        }
        (root / f"recording{number}" / "structure.oebin").write_text(json.dumps(structure), encoding="utf-8")
    return root / "recording1" / "continuous" / stream / "continuous.dat"


def write_plx(path: Path, channels: Sequence[tuple[str, int, Sequence[tuple[int, Samples]]]]) -> None:
    """
    Continuous channels only, version 106, time stamps at 40 kHz, 16-bit samples of +-5 V at a gain of 1000.

    Parameters
    ----------
    channels : sequence of (name, rate in Hz, blocks)
        Blocks are (time stamp in ticks, int16 samples); those of one channel are in order.
    """
    header = struct.pack("<4si128s3i", b"PLEX", 106, b"a comment", 40000, 0, 0)
    header += struct.pack("<11i", len(channels), 32, 8, 2000, 1, 1, 0, 0, 0, 0, 40000)
    header += struct.pack("<d4B3H18s18s10s", 0.0, 1, 1, 12, 16, 3000, 5000, 1000, b"", b"", b"")
    header += bytes(4 * (650 + 650 + 512))
    for number, (name, rate_hz, _) in enumerate(channels):
        header += struct.pack("<32s6i128s", name.encode(), number, rate_hz, 10, 1, 100, -1, b"") + bytes(112)
    blocks = sorted(
        ((ticks, number, samples) for number, (_, _, held) in enumerate(channels) for ticks, samples in held),
        key=lambda block: block[:2],
    )
    for ticks, number, samples in blocks:
        header += struct.pack("<HHIHHHH", 5, ticks >> 32, ticks & 0xFFFFFFFF, number, 0, 1, len(samples))
        header += samples.astype("<i2").tobytes()
    path.write_bytes(header)


def wideband(samples: np.ndarray, *ticks: int, name: str = "WB") -> list[tuple[str, int, list]]:
    """Channels at 40 kHz in blocks of 100 samples, from the given ticks on in equal shares."""
    share = len(samples) // len(ticks)
    starts = [
        (tick + at, samples[part * share + at : part * share + min(at + 100, share)])
        for part, tick in enumerate(ticks)
        for at in range(0, share, 100)
    ]
    return [
        (f"{name}{wire + 1:02d}", 40000, [(tick, rows[:, wire]) for tick, rows in starts])
        for wire in range(samples.shape[1])
    ]


def write_ripple(path: Path, samples: Samples, numbers: Sequence[int], *, start_tick: int = 0) -> None:
    """A .ns5 of Trellis (2.2): int16 (n, n_channels) at 30 kHz; numbers from 10241 on are analog inputs in mV."""
    header_bytes = 314 + 66 * len(numbers)
    origin = (2000, 1, 6, 1, 0, 0, 0, 0)
    content = struct.pack("<8sBBI16s256s", b"NEURALCD", 2, 2, header_bytes, b"30 ksamp/sec", b"Trellis")
    content += struct.pack("<II8HI", 1, 30000, *origin, len(numbers))
    for number in numbers:
        analog = number > 10240
        name, unit, most = (f"analog {number - 10240}", b"mV", 5000) if analog else (f"elec{number}", b"uV", 8191)
        content += struct.pack("<2sH16sBB", b"CC", number, name.encode(), 1, number % 32)
        content += struct.pack("<4h16sIIHIIH", -32767, 32767, -most, most, unit, 300, 1, 1, 7500000, 3, 1)
    content += struct.pack("<BII", 1, start_tick, len(samples)) + samples.astype("<i2").tobytes()
    path.write_bytes(content)


def write_ripple_events(path: Path, spikes: Sequence[tuple[int, int, int]], words: Sequence[tuple[int, int]]) -> None:
    """A .nev of Trellis (2.2): spikes (tick, electrode, unit), and words (tick, value) of the parallel port."""
    electrodes = sorted({electrode for _, electrode, _ in spikes})
    packet_bytes = 8 + 2 * 52
    content = struct.pack("<8sBBHIIII", b"NEURALEV", 2, 2, 1, 336 + 32 * len(electrodes), packet_bytes, 30000, 30000)
    content += struct.pack("<8H32s256sI", 2000, 1, 6, 1, 0, 0, 0, 0, b"Trellis", b"", len(electrodes))
    for electrode in electrodes:
        content += struct.pack("<8sHBBHHhhBBH8s", b"NEUEVWAV", electrode, 1, electrode, 250, 0, 0, 0, 0, 2, 52, b"")
    shape = np.round(-200 * np.exp(-(((np.arange(52) - 15) / 4) ** 2))).astype("<i2").tobytes()
    packets = [(tick, struct.pack("<IHBB", tick, electrode, unit, 0) + shape) for tick, electrode, unit in spikes]
    packets += [(tick, struct.pack("<IHBBH", tick, 0, 1, 0, value).ljust(packet_bytes, b"\0")) for tick, value in words]
    path.write_bytes(content + b"".join(packet for _, packet in sorted(packets)))
