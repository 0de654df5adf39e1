"""
The placebo: "spikes" at random times of a signal without spikes, so nothing may predict them.

Subtracting a waveform, however it was estimated, leaves them unpredictable. Interpolating across them, as is often
done, does not: the smooth gap is itself a label.
"""

from dataclasses import dataclass

import numpy as np
import pytest
from scipy.signal import butter, hilbert, sosfiltfilt
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from nwb_spikeinference.bands import default_bands
from nwb_spikeinference.recordings import FloatArray, IntArray
from nwb_spikeinference.signal.decimate import decimate_stream
from nwb_spikeinference.signal.despike import make_template, subtract_templates, sum_around_spikes
from nwb_spikeinference.signal.despike_gls import make_gls_template, noise_power
from nwb_spikeinference.signal.features import stream_features

RATE_HZ = 30_000.0
N_SAMPLES = round(40 * RATE_HZ)
N_SPIKES = 3000  # makes the standard error of an AUC of the test half about 0.01
BEFORE, AFTER = 30, 60  # samples interpolated across: -1...+2 ms
SPIKE_BAND_HZ = (300, 3000)
METHODS = ("mean-waveform", "gls")


@dataclass(frozen=True, slots=True, kw_only=True)
class Placebo:
    """A signal without spikes, and moments of which half are called spikes."""

    raw: FloatArray  # (n_samples,)
    moments: IntArray
    is_spike: np.ndarray

    @property
    def spikes(self) -> IntArray:
        return self.moments[self.is_spike]


@pytest.fixture(scope="module")
def placebo() -> Placebo:
    rng = np.random.default_rng(0)
    frequency_hz = np.fft.rfftfreq(N_SAMPLES, 1 / RATE_HZ)
    spectrum = np.fft.rfft(rng.normal(size=N_SAMPLES))
    spectrum[1:] /= np.sqrt(frequency_hz[1:])  # power falls as 1/f
    raw = np.fft.irfft(spectrum, N_SAMPLES)
    moments = np.sort(rng.choice(np.arange(3000, N_SAMPLES - 3000, 150), size=2 * N_SPIKES, replace=False))
    return Placebo(raw=raw, moments=moments, is_spike=rng.permutation(np.repeat([False, True], N_SPIKES)))


@pytest.fixture(scope="module", params=METHODS)
def cleaned(placebo: Placebo, request: pytest.FixtureRequest) -> FloatArray:
    """The signal without the waveform of what were called spikes; shape (n_samples,)."""
    raw, spikes = placebo.raw[:, None], placebo.spikes

    def read(start: int, stop: int) -> FloatArray:
        return raw[start:stop]

    mean = sum_around_spikes(read, N_SAMPLES, RATE_HZ, [spikes]).mean(0)
    if request.param == "gls":
        template = make_gls_template(mean, RATE_HZ, 0, spikes, noise_power(read, N_SAMPLES, RATE_HZ), [spikes])
    else:
        template = make_template(mean, RATE_HZ, 0, spikes)
    return subtract_templates(raw, 0, [template])[:, 0]


def interpolate(placebo: Placebo) -> FloatArray:
    smooth = placebo.raw.copy()
    for spike in placebo.spikes:
        first, last = spike - BEFORE, spike + AFTER
        smooth[first : last + 1] = np.linspace(smooth[first], smooth[last], last - first + 1)
    return smooth


def envelope_features(raw: FloatArray, moments: IntArray) -> FloatArray:
    """Log envelope in 300-3000 Hz at seven instants around each moment."""
    sos = butter(2, SPIKE_BAND_HZ, btype="bandpass", fs=RATE_HZ, output="sos")
    envelope = np.abs(hilbert(sosfiltfilt(sos, raw)))
    return np.log10(envelope[moments[:, None] + np.arange(-30, 61, 15)])


def lfp_features(raw: FloatArray, moments: IntArray) -> FloatArray:
    """What the models see: band features of the 1 kHz LFP."""
    lfp = np.concatenate(list(decimate_stream([raw[:, None]], RATE_HZ)))[:, 0]
    centres = np.round(moments / 30).astype(np.int64)
    pieces = stream_features(lambda a, b: lfp[a:b], len(lfp), 1000.0, default_bands(60), centres, wide_band=True)
    return np.concatenate([rows for _, rows in pieces])


def held_out_auc(features: FloatArray, placebo: Placebo) -> float:
    """A logistic model learns on the first half of the signal and is scored on the second."""
    first = placebo.moments < N_SAMPLES // 2
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=300))
    model.fit(features[first], placebo.is_spike[first])
    return float(roc_auc_score(placebo.is_spike[~first], model.decision_function(features[~first])))


def test_placebo_spikes_cannot_be_predicted_to_begin_with(placebo: Placebo) -> None:
    assert held_out_auc(envelope_features(placebo.raw, placebo.moments), placebo) == pytest.approx(0.5, abs=0.02)


def test_subtraction_leaves_no_trace_in_the_spike_band(placebo: Placebo, cleaned: FloatArray) -> None:
    assert held_out_auc(envelope_features(cleaned, placebo.moments), placebo) == pytest.approx(0.5, abs=0.02)


def test_subtraction_leaves_no_trace_in_the_lfp(placebo: Placebo, cleaned: FloatArray) -> None:
    assert held_out_auc(lfp_features(cleaned, placebo.moments), placebo) == pytest.approx(0.5, abs=0.02)


def test_interpolation_labels_the_spikes_in_the_spike_band(placebo: Placebo) -> None:
    assert held_out_auc(envelope_features(interpolate(placebo), placebo.moments), placebo) > 0.95


def test_interpolation_lifts_the_auc_from_the_lfp(placebo: Placebo) -> None:
    untouched = held_out_auc(lfp_features(placebo.raw, placebo.moments), placebo)
    assert held_out_auc(lfp_features(interpolate(placebo), placebo.moments), placebo) > untouched + 0.015
