"""Filters by overlap-save, on sines and impulses whose answer is known, and beside scipy on the whole array."""

from collections.abc import Callable
from functools import cache

import numpy as np
import pytest
from scipy.signal import butter, hilbert, iirnotch, sosfiltfilt, tf2sos

from nwb_spikeinference.bands import Band, default_bands
from nwb_spikeinference.errors import BandError, InputError
from nwb_spikeinference.recordings import FloatArray
from nwb_spikeinference.signal.filter_bank import FilterBank, Response, bandpass_gain, notch_gain

RATE_HZ = 1000.0
SECONDS = 40.0
BEYOND = 60_000  # samples on either side of a signal
SETTLED = slice(12_000, -12_000)
THETA = Band(name="theta", low_hz=4, high_hz=8)
BANDS = default_bands(60)
EVERY_BAND = pytest.mark.parametrize("band", BANDS, ids=lambda band: band.name)


def reader(signal: FloatArray) -> Callable[[int, int], FloatArray]:
    return lambda start, stop: signal[start:stop]


def run(bank: FilterBank, signal: FloatArray, block_samples: int = 10**6) -> np.ndarray:
    """Output of the only filter for the whole signal."""
    pieces = [piece.output(0) for piece in bank.filter(reader(signal), len(signal), block_samples=block_samples)]
    return np.concatenate(pieces) if pieces else np.empty((0, *signal.shape[1:]))


@cache
def bandpass(band: Band, *, analytic: bool = False) -> FilterBank:
    return FilterBank([bandpass_gain(band, RATE_HZ)], RATE_HZ, analytic=analytic)


@cache
def notch(line_hz: float) -> FilterBank:
    return FilterBank([notch_gain(line_hz, RATE_HZ)], RATE_HZ)


def sine(frequency_hz: float) -> FloatArray:
    return np.sin(2 * np.pi * frequency_hz * np.arange(round(SECONDS * RATE_HZ)) / RATE_HZ)


def noise(n_samples: int = 40_000, n_channels: int | None = None) -> FloatArray:
    """Noise whose power falls as 1/f, around 5."""
    shape = (n_samples,) if n_channels is None else (n_samples, n_channels)
    frequency_hz = np.fft.rfftfreq(n_samples, 1 / RATE_HZ)
    scale = 1 / np.sqrt(np.maximum(frequency_hz, 0.1)).reshape(-1, *[1] * (len(shape) - 1))
    spectrum = np.fft.rfft(np.random.default_rng(0).normal(size=shape), axis=0)
    return 5 + np.fft.irfft(spectrum * scale, n_samples, axis=0)


def extended(signal: FloatArray) -> FloatArray:
    """What the filters take a signal to be: mirrored at its ends for a second, then constant."""
    return np.pad(np.pad(signal, 1000, mode="reflect", reflect_type="odd"), BEYOND - 1000, mode="edge")


def scipy_bandpass(signal: FloatArray, band: Band) -> FloatArray:
    sos = butter(2, (band.low_hz, band.high_hz), btype="bandpass", fs=RATE_HZ, output="sos")
    return sosfiltfilt(sos, signal)


def amplitude(filtered: FloatArray) -> float:
    """Of a filtered sine."""
    return float(np.sqrt(2) * np.std(filtered[SETTLED]))


def spread(error: np.ndarray, of: np.ndarray) -> float:
    """Largest error as a share of a signal's standard deviation."""
    return float(np.abs(error).max() / of.std())


@EVERY_BAND
def test_a_band_keeps_its_centre_without_delay(band: Band) -> None:
    centre_hz = np.sqrt(band.low_hz * band.high_hz)
    np.testing.assert_allclose(run(bandpass(band), sine(centre_hz))[SETTLED], sine(centre_hz)[SETTLED], atol=0.005)


@EVERY_BAND
def test_a_band_halves_its_edges(band: Band) -> None:
    for edge_hz in (band.low_hz, band.high_hz):
        assert amplitude(run(bandpass(band), sine(edge_hz))) == pytest.approx(0.5, abs=0.005)  # -3 dB, twice


@EVERY_BAND
def test_a_band_stops_by_40_db_two_widths_and_more_away(band: Band) -> None:
    width_hz = band.high_hz - band.low_hz
    below_hz, above_hz = band.low_hz / 4, min(band.high_hz + 2 * width_hz, 490.0)
    for stopped_hz in (below_hz, above_hz):
        assert amplitude(run(bandpass(band), sine(stopped_hz))) < 0.01


@pytest.mark.parametrize("frequency_hz", [4.5, 7.5])
def test_a_band_turns_no_phase_off_its_centre(frequency_hz: float) -> None:
    kept = run(bandpass(THETA), sine(frequency_hz))[SETTLED]
    turn = np.exp(-2j * np.pi * frequency_hz * np.arange(40_000) / RATE_HZ)[SETTLED]
    assert np.angle(np.mean(kept * turn) * 1j) == pytest.approx(0.0, abs=0.002)


@pytest.mark.parametrize("high_hz", [125.0, 175.0])
def test_a_band_at_or_above_nyquist_is_refused(high_hz: float) -> None:
    band = Band(name="fast", low_hz=100, high_hz=high_hz)
    with pytest.raises(BandError, match=rf"band 'fast' ends at {high_hz:g} Hz, .* 250 Hz holds nothing above 125 Hz"):
        bandpass_gain(band, 250.0)


@EVERY_BAND
def test_a_band_is_that_of_scipy_on_the_whole_array(band: Band) -> None:
    whole = scipy_bandpass(extended(noise()), band)[BEYOND:-BEYOND]
    assert spread(run(bandpass(band), noise()) - whole, whole) < 1e-6


def test_the_impulse_response_is_that_of_scipy() -> None:
    impulse = np.zeros(40_000)
    impulse[20_000] = 1.0
    response = scipy_bandpass(impulse, THETA)
    np.testing.assert_allclose(run(bandpass(THETA), impulse), response, atol=1e-9 * response.max())


def test_the_impulse_response_is_symmetric() -> None:
    impulse = np.zeros(40_001)
    impulse[20_000] = 1.0
    response = run(bandpass(THETA), impulse)
    np.testing.assert_allclose(response, response[::-1], atol=1e-12)


@EVERY_BAND
def test_the_real_part_of_an_analytic_output_is_the_filtered_signal(band: Band) -> None:
    filtered = run(bandpass(band), noise())
    assert spread(run(bandpass(band, analytic=True), noise()).real - filtered, filtered) < 1e-6


@EVERY_BAND
def test_the_imaginary_part_is_the_quadrature_of_scipy(band: Band) -> None:
    quadrature = hilbert(scipy_bandpass(extended(noise()), band)).imag[BEYOND:-BEYOND]
    assert spread(run(bandpass(band, analytic=True), noise()).imag - quadrature, quadrature) < 1e-6


def test_an_analytic_output_of_a_tone_turns_at_its_amplitude() -> None:
    phase = 2 * np.pi * np.sqrt(32.0) * np.arange(40_000) / RATE_HZ
    analytic = run(bandpass(THETA, analytic=True), 3 * np.cos(phase))
    np.testing.assert_allclose(analytic[SETTLED], 3 * np.exp(1j * phase[SETTLED]), atol=0.01)


@pytest.mark.parametrize(("line_hz", "harmonics"), [(60, [60, 120, 180, 240, 480]), (50, [50, 100, 150, 200, 450])])
def test_notches_remove_mains_and_harmonics_by_40_db(line_hz: int, harmonics: list[int]) -> None:
    for frequency_hz in harmonics:
        assert amplitude(run(notch(line_hz), sine(frequency_hz))) < 0.01


@pytest.mark.parametrize("line_hz", [50, 60])
def test_notches_leave_the_default_bands(line_hz: int) -> None:
    for band in default_bands(line_hz):
        for frequency_hz in (band.low_hz, band.high_hz):
            assert amplitude(run(notch(line_hz), sine(frequency_hz))) > 0.95


def test_notches_are_those_of_scipy_one_after_the_other() -> None:
    whole = extended(noise())
    for at_hz in np.arange(60, 498, 60):
        whole = sosfiltfilt(tf2sos(*iirnotch(at_hz, at_hz / 2, fs=RATE_HZ)), whole)
    assert spread(run(notch(60), noise()) - whole[BEYOND:-BEYOND], noise()) < 1e-6


def test_notches_ignore_harmonics_above_nyquist() -> None:
    bank = FilterBank([notch_gain(60, 100.0)], 100.0)
    np.testing.assert_allclose(run(bank, sine(10.0)), sine(10.0), atol=1e-12)


@EVERY_BAND
def test_blocks_change_nothing(band: Band) -> None:
    signal = noise(120_000)
    whole = run(bandpass(band, analytic=True), signal, block_samples=10**6)
    for block_samples in (1, 70_001):
        assert spread(run(bandpass(band, analytic=True), signal, block_samples=block_samples) - whole, whole) < 1e-6


def test_pieces_follow_one_another_and_show_their_neighbours() -> None:
    pieces = list(bandpass(THETA).filter(reader(noise(60_000)), 60_000, overlap=500, block_samples=1))
    assert len(pieces) > 2
    assert [piece.start for piece in pieces] == [0, *(piece.stop for piece in pieces[:-1])]
    assert pieces[-1].stop == 60_000
    assert [piece.first for piece in pieces] == [max(0, piece.start - 500) for piece in pieces]
    assert [len(piece.output(0)) for piece in pieces] == [piece.last - piece.first for piece in pieces]
    assert [piece.last for piece in pieces] == [min(60_000, piece.stop + 500) for piece in pieces]


def test_what_a_piece_shows_of_its_neighbours_is_filtered_as_well() -> None:
    whole = run(bandpass(THETA), noise(60_000))
    for piece in bandpass(THETA).filter(reader(noise(60_000)), 60_000, overlap=500, block_samples=1):
        assert spread(piece.output(0) - whole[piece.first : piece.last], whole) < 1e-6


def test_no_more_than_a_block_is_read_at_a_time() -> None:
    longest = 0

    def read(start: int, stop: int) -> FloatArray:
        nonlocal longest
        longest = max(longest, stop - start)
        return np.zeros(stop - start)

    for _ in bandpass(THETA).filter(read, 2_000_000, block_samples=100_000):
        pass
    assert longest <= 110_000


@pytest.mark.parametrize(
    "samples",
    [
        np.arange(2, 40_000, 5),
        np.arange(0, 40_000, 10),
        np.concatenate([np.arange(3, 20_000, 5), np.arange(20_004, 40_000, 5)]),
        np.floor(np.arange(0.0, 40_000.0, 5.12)).astype(np.int64),
        np.array([7]),
        np.array([7, 8, 9]),
        np.array([5, 5, 5]),
    ],
    ids=["every fifth", "every tenth", "a slip", "no grid", "one", "neighbours", "repeated"],
)
@pytest.mark.parametrize("analytic", [False, True], ids=["real", "analytic"])
def test_outputs_at_some_samples_are_those_of_all(samples: np.ndarray, analytic: bool) -> None:
    gains = [bandpass_gain(BANDS[3], RATE_HZ), bandpass_gain(BANDS[6], RATE_HZ), notch_gain(60, RATE_HZ)]
    bank = FilterBank(gains, RATE_HZ, analytic=analytic)
    (piece,) = bank.filter(reader(noise()), 40_000, block_samples=10**6)
    for number, found in zip((2, 0), piece.outputs_at((2, 0), samples), strict=True):
        np.testing.assert_allclose(found, piece.output(number)[samples], atol=1e-11)


def test_channels_are_filtered_each_alone() -> None:
    both = noise(20_000, 3)
    alone = run(bandpass(THETA, analytic=True), both[:, 1])
    np.testing.assert_allclose(run(bandpass(THETA, analytic=True), both)[:, 1], alone, atol=1e-12)


@pytest.mark.parametrize("n_samples", [0, 1, 2, 3, 50])
def test_f38_nearly_empty_signals_keep_their_length(n_samples: int) -> None:
    for bank in (bandpass(THETA), bandpass(THETA, analytic=True), notch(60)):
        assert run(bank, np.zeros((n_samples, 2))).shape == (n_samples, 2)


@pytest.mark.parametrize("n_samples", [1, 2, 50])
def test_f38_nearly_empty_signals_give_numbers(n_samples: int) -> None:
    assert np.isfinite(run(bandpass(THETA), np.arange(n_samples, dtype=float))).all()


def test_f38_strided_signals_are_read_as_they_are() -> None:
    wide = np.repeat(noise()[:, None], 4, axis=1)[::-1]
    np.testing.assert_array_equal(run(bandpass(THETA), wide[:, ::2]), run(bandpass(THETA), wide[:, :2].copy()))


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_f28_signals_that_are_no_numbers_are_refused(bad: float) -> None:
    signal = noise(20_000, 2)
    signal[1234, 1] = bad
    with pytest.raises(InputError, match="NaN or infinite at sample 1234"):
        run(bandpass(THETA), signal)


def test_a_constant_has_nothing_in_any_band() -> None:
    np.testing.assert_allclose(run(bandpass(THETA), np.full(20_000, 3.0)), 0.0, atol=1e-9)


def test_a_gain_of_one_changes_nothing() -> None:
    unity: Response = np.ones_like
    np.testing.assert_allclose(run(FilterBank([unity], RATE_HZ), noise()), noise(), atol=1e-12)
