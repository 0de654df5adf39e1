"""
Neuralynx .ncs files as the format's documentation describes them, with contents that a test knows.

References
----------
.. [1] Neuralynx, Data File Formats.
   https://support.neuralynx.com/hc/en-us/articles/360040444811-TechTip-Neuralynx-Data-File-Formats
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

HEADER_BYTES = 16384
RECORD_SAMPLES = 512
START_US = 5_000_000_000
_RECORD = np.dtype(
    [("time_us", "<u8"), ("channel", "<u4"), ("rate", "<u4"), ("valid", "<u4"), ("samples", "<i2", (RECORD_SAMPLES,))]
)


def write_ncs(
    path: Path,
    pieces: Sequence[tuple[float, np.ndarray]],
    *,
    channel: int = 0,
    rate_hz: float = 32000,
    true_rate_hz: float | None = None,
    inverted: bool = False,
) -> Path:
    """
    Write pieces of (seconds after the first sample, int16 samples), cut into records.

    The last record of a piece may be part-filled; `true_rate_hz` is that of the clock of the time stamps.
    """
    header = (
        "######## Neuralynx Data File Header\r\n"
        "## Time Opened (m/d/y): 3/4/2021  (h:m:s.ms) 10:20:30.400\r\n"
        "## Time Closed (m/d/y): 3/4/2021  (h:m:s.ms) 10:50:30.400\r\n-CheetahRev 5.5.1\r\n"
        f"-AcqEntName {path.stem}\r\n-FileType NCS\r\n-RecordSize 1044\r\n-SamplingFrequency {rate_hz:g}\r\n"
        f"-ADMaxValue 32767\r\n-ADBitVolts 0.0000000305\r\n-NumADChannels 1\r\n-ADChannel {channel}\r\n"
        f"-InputRange 1000\r\n-InputInverted {inverted}\r\n"
    ).encode("latin-1")
    records = [_records(channel, start_s, samples, rate_hz, true_rate_hz or rate_hz) for start_s, samples in pieces]
    path.write_bytes(header.ljust(HEADER_BYTES, b"\0") + b"".join(part.tobytes() for part in records))
    return path


def _records(channel: int, start_s: float, samples: np.ndarray, rate_hz: float, true_rate_hz: float) -> np.ndarray:
    firsts = np.arange(0, len(samples), RECORD_SAMPLES)
    records = np.zeros(len(firsts), dtype=_RECORD)
    records["channel"], records["rate"] = channel, round(rate_hz)
    records["time_us"] = np.rint(START_US + start_s * 1e6 + firsts * 1e6 / true_rate_hz)
    records["valid"] = np.minimum(RECORD_SAMPLES, len(samples) - firsts)
    padded = np.zeros(len(firsts) * RECORD_SAMPLES, dtype="<i2")
    padded[: len(samples)] = samples
    records["samples"] = padded.reshape(-1, RECORD_SAMPLES)
    return records
