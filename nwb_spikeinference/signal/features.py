"""
Features of an LFP trace: what the models see.

Per band the filtered trace and its Hilbert quadrature (the waveform's shape) and the log envelope (the amplitude),
then what the whole spectrum has to say, all read at the centre of each bin. Reading rather than averaging keeps the
phase of bands above the bins' Nyquist frequency.
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache

import numpy as np

from nwb_spikeinference.bands import Band
from nwb_spikeinference.recordings import FloatArray, IntArray
from nwb_spikeinference.signal.filter_bank import (
    BLOCK_SAMPLES,
    FilterBank,
    FilteredPiece,
    ReadTrace,
    bandpass_gain,
    bandstop_gain,
    product_gain,
)
from nwb_spikeinference.signal.wide_band import (
    LOOK_AROUND_S,
    PHASE_BAND,
    WIDE_BAND,
    aperiodic_at,
    generalised_phase,
    motor_potential,
)

PER_BAND = ("trace", "quadrature", "log_envelope")
CLIP = 5.0  # robust standard deviations
SMALLEST_V = 1e-12  # the envelope of silence: its logarithm stays finite
_MAD_TO_SD = 1.4826
_WIDE = "wide"


def feature_names(bands: Sequence[Band], *, wide_band: bool = False) -> tuple[str, ...]:
    """Names of the feature columns, e.g. ``low_gamma:trace``; those of the whole spectrum, ``wide:...``, come last."""
    of_bands = tuple(f"{band.name}:{kind}" for band in bands for kind in PER_BAND)
    return of_bands + tuple(f"{_WIDE}:{name}" for name in WIDE_BAND) * wide_band


def bands_of(names: Sequence[str]) -> tuple[str, ...]:
    """Names of the bands that feature columns belong to, in their order."""
    wide = wide_columns(names)
    return tuple(dict.fromkeys(name.rpartition(":")[0] for column, name in enumerate(names) if column not in wide))


def columns_of_band(names: Sequence[str], band_name: str) -> tuple[int, ...]:
    """Columns that a band fills."""
    own = {f"{band_name}:{kind}" for kind in PER_BAND}
    return tuple(column for column, name in enumerate(names) if name in own)


def wide_columns(names: Sequence[str]) -> tuple[int, ...]:
    """Columns that describe the whole spectrum."""
    own = {f"{_WIDE}:{name}" for name in WIDE_BAND}
    return tuple(column for column, name in enumerate(names) if name in own)


def stream_features(
    read: ReadTrace,
    n_samples: int,
    rate_hz: float,
    bands: Sequence[Band],
    centres: IntArray,
    *,
    wide_band: bool,
    leaks: Sequence[tuple[Band, Band]] = (),
    block_samples: int = BLOCK_SAMPLES,
) -> Iterator[tuple[slice, FloatArray]]:
    """
    Features of one continuous LFP trace, one row per bin, in pieces.

    Parameters
    ----------
    read : callable
        Gives samples ``start`` to ``stop`` of the trace as an ndarray of shape (n,), in volts.
    centres : ndarray of int, shape (n_bins,)
        Sample at the centre of each bin, ascending.
    wide_band : bool
        Whether the features of the whole spectrum follow those of the bands.
    leaks : sequence of (Band, Band)
        Bands, each with one that is stopped in it; their features come last, three columns for each pair.
    block_samples : int
        Samples held at a time; changes nothing but memory and speed.

    Yields
    ------
    bins : slice
        Of the rows; they follow one another and together are all bins.
    rows : ndarray of shape (n, n_features), float32
        In the order of `feature_names`, then of `leaks`: volts, log10 volts for envelopes, and the units of
        `signal.wide_band`; not yet standardised.

    Raises
    ------
    BandError
        If a band, or the generalised phase (1-50 Hz), reaches the Nyquist frequency.
    InputError
        If the trace holds NaN or infinite values.
    """
    bank = _feature_bank(tuple(bands), rate_hz, wide_band, tuple(leaks))
    n_plain = len(bands) + wide_band
    overlap = round(LOOK_AROUND_S * rate_hz) if wide_band else 0
    for piece in bank.filter(read, n_samples, overlap=overlap, block_samples=block_samples):
        first, stop = np.searchsorted(centres, (piece.start, piece.stop)).tolist()
        if first == stop:
            continue
        here = centres[first:stop]
        columns = _band_columns(piece, range(len(bands)), here)
        if wide_band:
            columns += _wide_columns(piece, len(bands), here, n_samples, rate_hz)
        columns += _band_columns(piece, range(n_plain, n_plain + len(leaks)), here)
        yield slice(first, stop), np.stack(columns, axis=1, dtype=np.float32, casting="same_kind")


@lru_cache(maxsize=4)  # measuring how long filters last takes longer than filtering a minute of signal
def _feature_bank(
    bands: tuple[Band, ...], rate_hz: float, wide_band: bool, leaks: tuple[tuple[Band, Band], ...]
) -> FilterBank:
    filtered = (*bands, PHASE_BAND) if wide_band else bands
    gains = [bandpass_gain(band, rate_hz) for band in filtered]
    gains += [product_gain(bandpass_gain(kept, rate_hz), bandstop_gain(other, rate_hz)) for kept, other in leaks]
    return FilterBank(gains, rate_hz, analytic=True)


def _band_columns(piece: FilteredPiece, numbers: Sequence[int], centres: IntArray) -> list[FloatArray]:
    """In the order of `PER_BAND`, filter by filter."""
    columns: list[FloatArray] = []
    for analytic in piece.outputs_at(numbers, centres):
        columns += [analytic.real, analytic.imag, np.log10(np.maximum(np.abs(analytic), SMALLEST_V))]
    return columns


def _wide_columns(
    piece: FilteredPiece, phase_filter: int, centres: IntArray, n_samples: int, rate_hz: float
) -> list[FloatArray]:
    """In the order of `WIDE_BAND`."""
    phase = generalised_phase(piece.output(phase_filter), centres - piece.first)
    offset, exponent = aperiodic_at(piece.signal, piece.origin, n_samples, rate_hz, centres)
    potential = motor_potential(piece.signal, centres - piece.origin, rate_hz)
    return [potential, np.cos(phase), np.sin(phase), offset, exponent]


def standardise(features: FloatArray, valid: np.ndarray) -> None:
    """
    Subtract the median, divide by the median absolute deviation, clip at 5; unsupervised, per recording, in place.

    One column is held at a time, so that `features` may lie on disk.

    Parameters
    ----------
    features : ndarray or memmap of shape (n_bins, n_features)
    valid : ndarray of bool, shape (n_bins,)
        Bins that the statistics are taken from; the others become 0, the median.
    """
    for column in range(features.shape[1]):
        values = np.array(features[:, column])
        centre, spread = robust_scale(values[valid])
        values -= centre
        values /= spread
        np.clip(values, -CLIP, CLIP, out=values)
        values[~valid] = 0.0
        features[:, column] = values


def robust_scale(values: FloatArray) -> tuple[float, float]:
    """Median, and median absolute deviation as a standard deviation; 1 where nothing deviates."""
    centre = _median(values)
    spread = _MAD_TO_SD * _median(np.abs(values - centre))
    return centre, spread if spread > 0 else 1.0


def _median(values: FloatArray) -> float:
    """As `np.median`, several times as fast; 0 of no values."""
    if not len(values):
        return 0.0
    half = len(values) // 2
    parted = np.partition(values, half)
    return float(parted[half]) if len(values) % 2 else float(parted[:half].max() / 2 + parted[half] / 2)
