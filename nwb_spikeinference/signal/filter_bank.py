"""
Zero-phase filters by overlap-save: the length of a recording costs time, not memory.

A filter run forwards and backwards multiplies the spectrum by the square of its gain. Doing just that, block by block,
gives what filtering the whole recording gives, as long as the blocks overlap by as much as the filter's response is
long. That length is measured for every filter, not assumed.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.fft import ifft, irfft, next_fast_len, rfft
from scipy.signal import butter, iirnotch, sosfreqz, tf2sos

from nwb_spikeinference.bands import Band
from nwb_spikeinference.errors import BandError, InputError
from nwb_spikeinference.recordings import FloatArray, IntArray

BUTTERWORTH_ORDER = 4  # of one pass; filtering runs both ways
NOTCH_WIDTH_HZ = 2.0  # -3 dB width of one pass
BLOCK_SAMPLES = 150_000
_BLOCK_FACTOR = 60  # of every transform's length: outputs at every 2nd, 5th, 10th ... sample come cheaper
_SETTLED = 3e-10  # of a response's largest value; what is smaller is cut off
_LONGEST_S = 60.0  # of a response on either side
_REFLECTED_S = 1.0  # the signal beyond its ends: reflected for a second, then constant

Response = Callable[[FloatArray], FloatArray]  # frequencies in Hz, 0 or more -> gain
ReadTrace = Callable[[int, int], FloatArray]  # (start, stop) -> (n, ...) samples


def bandpass_gain(band: Band, rate_hz: float) -> Response:
    """
    Gain of a band-pass that is run both ways.

    Raises
    ------
    BandError
        If the band reaches the Nyquist frequency.
    """
    if band.high_hz >= rate_hz / 2:
        raise BandError(
            f"band {band.name!r} ends at {band.high_hz:g} Hz, but a signal sampled at {rate_hz:g} Hz holds nothing "
            f"above {rate_hz / 2:g} Hz; lower the edge or use a faster recording"
        )
    sos = butter(BUTTERWORTH_ORDER // 2, (band.low_hz, band.high_hz), btype="bandpass", fs=rate_hz, output="sos")
    return _both_ways(sos, rate_hz)


def bandstop_gain(band: Band, rate_hz: float) -> Response:
    """
    Gain of a band-stop that is run both ways; the Butterworth band-pass of `bandpass_gain` is what it takes away.

    Raises
    ------
    BandError
        If the band reaches the Nyquist frequency.
    """
    passed = bandpass_gain(band, rate_hz)
    return lambda frequencies_hz: 1.0 - passed(frequencies_hz)


def product_gain(first: Response, second: Response) -> Response:
    """Gain of two filters one after the other."""
    return lambda frequencies_hz: first(frequencies_hz) * second(frequencies_hz)


def notch_gain(line_hz: float, rate_hz: float) -> Response:
    """Gain of notches, run both ways, at the mains and its harmonics below the Nyquist frequency."""
    harmonics = np.arange(line_hz, rate_hz / 2 - NOTCH_WIDTH_HZ, line_hz)
    notches = [tf2sos(*iirnotch(at_hz, at_hz / NOTCH_WIDTH_HZ, fs=rate_hz)) for at_hz in harmonics]
    return _both_ways(np.concatenate(notches), rate_hz) if notches else np.ones_like


def _both_ways(sos: FloatArray, rate_hz: float) -> Response:
    return lambda frequencies_hz: np.asarray(np.abs(sosfreqz(sos, frequencies_hz, fs=rate_hz)[1]) ** 2)


@dataclass(frozen=True, slots=True, kw_only=True)
class FilteredPiece:
    """What every filter makes of samples `start` to `stop`, computed when asked for."""

    start: int
    stop: int
    first: int  # sample of row 0 of each output: before `start` where pieces overlap
    last: int
    origin: int  # sample of row 0 of `signal`
    signal: FloatArray  # the input, with margins; beyond the recording's ends what the filters took it to be
    analytic: bool
    transformed: np.ndarray  # (n_frequencies, ...), of `signal`
    spectra: tuple[FloatArray, ...]

    def output(self, number: int) -> np.ndarray:
        """Output of one filter for samples `first` to `last`, shape (n, ...)."""
        shaped = _multiply(self.transformed, self.spectra[number])
        kept = slice(self.first - self.origin, self.last - self.origin)
        if not self.analytic:
            return np.asarray(irfft(shaped, len(self.signal), axis=0)[kept])
        output = np.empty((self.last - self.first, *shaped.shape[1:]), shaped.dtype)
        output.real = irfft(shaped, len(self.signal), axis=0)[kept]
        output.imag = irfft(-1j * shaped, len(self.signal), axis=0)[kept]
        return output

    def outputs_at(self, numbers: Sequence[int], samples: IntArray) -> list[np.ndarray]:
        """
        Outputs of some filters at some samples of `first` to `last`, at least one; shape (n, ...) each.

        An analytic signal at every k-th sample is the inverse of its spectrum folded k times, which is k times shorter.
        """
        local = samples - self.origin
        step = int(np.bincount(np.diff(local), minlength=2).argmax())
        residues = np.flatnonzero(np.bincount(local % step)) if step else np.zeros(0)
        if not self.analytic or not 0 < 2 * len(residues) <= step or len(self.signal) % step:
            return [self.output(number)[samples - self.first] for number in numbers]
        shape = (len(samples), *self.transformed.shape[1:])
        values = [np.empty(shape, self.transformed.dtype) for _ in numbers]
        for residue in residues.tolist():
            chosen = local % step == residue
            turned = _multiply(self.transformed, _turn(len(self.signal), residue))
            rows = local[chosen] // step
            for number, value in zip(numbers, values, strict=True):
                folded = _fold(_multiply(turned, self.spectra[number]), len(self.signal) // step)
                folded /= step
                value[chosen] = ifft(folded, axis=0, overwrite_x=True)[rows]
        return values


class FilterBank:
    """
    Several filters over one signal, block by block.

    Parameters
    ----------
    gains : sequence of callable
        Gain of each filter at frequencies in Hz; no filter shifts phases.
    analytic : bool
        Give complex analytic signals: the filtered signal and, as imaginary part, its quadrature.
    """

    def __init__(self, gains: Sequence[Response], rate_hz: float, *, analytic: bool = False) -> None:
        self.rate_hz = rate_hz
        self.analytic = analytic
        self._gains = tuple(gains)
        self._spectra: dict[int, tuple[FloatArray, ...]] = {}  # of the transform's length used last
        self.margin = max((self._response_samples(gain) for gain in gains), default=0)  # that an output depends on

    def filter(
        self, read: ReadTrace, n_samples: int, *, overlap: int = 0, block_samples: int = BLOCK_SAMPLES
    ) -> Iterator[FilteredPiece]:
        """
        Filter one continuous stretch.

        Beyond its ends the signal is taken to be mirrored (oddly, for a second) and then to stay.

        Parameters
        ----------
        read : callable
            Gives samples ``start`` to ``stop`` as an ndarray of shape (n, ...), time first.
        overlap : int
            Samples that a piece shows of its neighbours, for whoever looks around.
        block_samples : int
            Samples transformed at a time; changes nothing but memory and speed.

        Raises
        ------
        InputError
            If the signal holds NaN or infinite values, which would spread over a whole block.
        """
        # Blocks begin at multiples of the usual steps between bins, so that all read the same of each transform.
        margin = _BLOCK_FACTOR * -(-(self.margin + overlap) // _BLOCK_FACTOR)
        n_fft, whole = (_transform_length(n) for n in (max(block_samples, 4 * margin), n_samples + 2 * self.margin))
        if whole <= n_fft:
            n_fft, margin, hop = whole, self.margin, max(1, n_samples)
        else:
            hop = n_fft - 2 * margin
        spectra = self._spectra_of(n_fft)
        n_reflected = round(_REFLECTED_S * self.rate_hz)
        for start in range(0, n_samples, hop):
            stop = min(start + hop, n_samples)
            signal = _read_extended(read, n_samples, n_reflected, start - margin, start - margin + n_fft)
            yield FilteredPiece(
                start=start,
                stop=stop,
                first=max(0, start - overlap),
                last=min(n_samples, stop + overlap),
                origin=start - margin,
                signal=signal,
                analytic=self.analytic,
                transformed=rfft(signal, axis=0),
                spectra=spectra,
            )

    def _spectra_of(self, n_fft: int) -> tuple[FloatArray, ...]:
        kept = self._spectra  # another thread may put its own in place of them
        if n_fft not in kept:
            frequencies_hz = np.fft.rfftfreq(n_fft, 1 / self.rate_hz)
            kept = {n_fft: tuple(np.asarray(gain(frequencies_hz)) for gain in self._gains)}
            self._spectra = kept
        return kept[n_fft]

    def _response_samples(self, gain: Response) -> int:
        """How far on either side a response lasts."""
        n_fft = _transform_length(round(2 * _LONGEST_S * self.rate_hz))
        spectrum = np.asarray(gain(np.fft.rfftfreq(n_fft, 1 / self.rate_hz)))
        response = np.abs(ifft(_one_sided(spectrum), n_fft) if self.analytic else irfft(spectrum, n_fft))
        lasting = np.flatnonzero(response > _SETTLED * response.max())
        return int(np.max(np.minimum(lasting, n_fft - lasting))) + 1


def _transform_length(n_samples: int) -> int:
    """A length of at least `n_samples` that transforms fast and that the usual steps between bins divide."""
    return _BLOCK_FACTOR * int(next_fast_len(-(-n_samples // _BLOCK_FACTOR), real=True))


def _multiply(transformed: np.ndarray, spectrum: np.ndarray) -> np.ndarray:
    """Every channel's transform, frequency by frequency."""
    return np.asarray(transformed * spectrum.reshape(-1, *[1] * (transformed.ndim - 1)))


@lru_cache(maxsize=4)
def _turn(n_fft: int, n_samples: int) -> np.ndarray:
    """What a real signal's transform becomes that of its analytic signal by, moved to the left by some samples."""
    return _one_sided(np.exp(2j * np.pi * n_samples / n_fft * np.arange(n_fft // 2 + 1)))


def _one_sided(spectrum: np.ndarray) -> np.ndarray:
    """Frequencies from 0 on of a transform of even length, doubled where negative ones are left out."""
    doubled = spectrum * 2
    doubled[[0, -1]] /= 2
    return np.asarray(doubled)


def _fold(transformed: np.ndarray, n_kept: int) -> np.ndarray:
    """Sum of frequencies that become one another when a signal is read at `n_kept` samples only."""
    folded = transformed[:n_kept].copy()
    for first in range(n_kept, len(transformed), n_kept):
        fold = transformed[first : first + n_kept]
        folded[: len(fold)] += fold
    return folded


def _read_extended(read: ReadTrace, n_samples: int, n_reflected: int, start: int, stop: int) -> np.ndarray:
    """Samples `start` to `stop` of a signal, either of which may lie beyond its ends."""
    first, n_reflected = max(0, start), min(n_reflected, n_samples - 1)
    inside = np.asarray(read(first, min(stop, n_samples)), dtype=np.float64)
    if not np.all(np.isfinite(inside)):
        where = first + int(np.flatnonzero(~np.isfinite(inside).reshape(len(inside), -1).all(axis=1))[0])
        raise InputError(
            f"the signal is NaN or infinite at sample {where}, which a filter would spread; bridge such stretches first"
        )
    parts = [inside]
    if start < 0:
        parts.insert(0, _beyond(read(0, n_reflected + 1), -start)[::-1])
    if stop > n_samples:
        parts.append(_beyond(read(n_samples - 1 - n_reflected, n_samples)[::-1], stop - n_samples))
    return np.concatenate(parts)


def _beyond(inward: FloatArray, n: int) -> np.ndarray:
    """`n` samples outwards from an end, given those inwards from it."""
    edge = np.asarray(inward, dtype=np.float64)
    reach = np.minimum(np.arange(1, n + 1), len(edge) - 1)
    return np.asarray(2 * edge[0] - edge[reach])
