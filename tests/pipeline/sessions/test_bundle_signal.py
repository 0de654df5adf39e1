"""From stored voltage to LFP: rates, gaps, faults, discharges."""

import tracemalloc
from collections.abc import Callable, Sequence
from pathlib import Path

import h5py
import numpy as np
import pytest

from nwb_spikeinference.config import SignalSettings
from nwb_spikeinference.nwb.reading.signal_blocks import SignalReader
from nwb_spikeinference.pipeline.sessions.bundle_signal import BundleSignal, OpenBlock, read_bundle
from nwb_spikeinference.recordings import Electrode, SignalBlock, Unit

RATE_HZ = 30000.6  # as measured
Stored = list[tuple[float, np.ndarray]]  # start of each block in seconds, its volts (n_samples, n_wires)


def noise(seconds: float, n_wires: int = 3, rate_hz: float = RATE_HZ, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 2e-5, (round(seconds * rate_hz), n_wires))


def read(
    stored: Stored,
    folder: Path,
    *,
    rate_hz: float = RATE_HZ,
    units: Sequence[Unit] = (),
    **settings: object,
) -> BundleSignal:
    """LFP of a bundle whose voltage is stored block by block, as float64."""
    n_wires = stored[0][1].shape[1]
    wires = [Electrode(row=row, label=f"A{row}", bundle="A", region=None, hemisphere=None) for row in range(n_wires)]
    blocks = [
        SignalBlock(
            path=f"/{number}",
            kind="raw" if rate_hz > 5000 else "lfp",
            rate_hz=rate_hz,
            start_s=start_s,
            n_samples=len(volts),
            electrode_rows=tuple(range(n_wires)),
        )
        for number, (start_s, volts) in enumerate(stored)
    ]
    with h5py.File(folder / "signal.h5", "w", driver="core", backing_store=False) as file:
        data = [file.create_dataset(str(number), data=volts) for number, (_, volts) in enumerate(stored)]
        return read_bundle(
            opener(data, blocks), blocks, wires, units, SignalSettings(**settings), folder  # type: ignore[arg-type]
        )  # fmt: skip


def opener(data: Sequence[h5py.Dataset], blocks: Sequence[SignalBlock]) -> OpenBlock:
    return lambda block: SignalReader(data[blocks.index(block)], block, np.ones(len(block.electrode_rows)), 0.0)


def sine(start_s: float, seconds: float) -> np.ndarray:
    """50 uV at 7 Hz on the session's clock, on three wires."""
    time_s = start_s + np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    return np.repeat(5e-5 * np.sin(2 * np.pi * 7 * time_s)[:, None], 3, axis=1)


def test_a_sine_keeps_its_time_at_a_measured_rate_and_across_a_gap(tmp_path: Path) -> None:
    signal = read([(3.0, sine(3.0, 6)), (20.0, sine(20.0, 9))], tmp_path)
    assert [segment.rate_hz for segment in signal.segments] == [pytest.approx(1000.02)] * 2
    for segment in signal.segments:
        time_s = segment.start_s + np.arange(len(segment.despiked)) / segment.rate_hz
        expected = 5e-5 * np.sin(2 * np.pi * 7 * time_s)
        inner = slice(1000, -1000)
        np.testing.assert_allclose(segment.despiked[inner, 1], expected[inner], atol=5e-7)


def test_blocks_of_one_rate_share_filters(tmp_path: Path) -> None:
    signal = read([(0.0, noise(4))], tmp_path)
    assert signal.segments[0].filter_rate_hz == 1000.0


def with_fault(change: Callable[[np.ndarray], None]) -> Stored:
    volts = noise(20)
    change(volts[round(8 * RATE_HZ) : round(8.5 * RATE_HZ), 1])
    return [(100.0, volts)]


@pytest.mark.parametrize("value", [np.nan, np.inf, 7e-5, 1e-3], ids=["nan", "inf", "constant", "saturated"])
def test_a_stretch_in_which_a_wire_fails_is_known_to_the_sample(value: float, tmp_path: Path) -> None:
    signal = read(with_fault(lambda stretch: stretch.fill(value)), tmp_path)
    ((start_s, stop_s),) = signal.bad_s
    assert (start_s, stop_s) == (pytest.approx(108.0, abs=2e-3), pytest.approx(108.5, abs=2e-3))
    assert signal.notes == ("left out from 108.0 to 108.5 s, where a wire failed",)


def test_what_lies_a_second_beside_missing_values_is_as_without_them(tmp_path: Path) -> None:
    faulty = read(with_fault(lambda stretch: stretch.fill(np.nan)), tmp_path).segments[0].despiked
    whole = read(with_fault(lambda stretch: None), tmp_path).segments[0].despiked
    assert np.isfinite(faulty).all()
    np.testing.assert_allclose(faulty[:7000], whole[:7000], atol=5e-7)
    np.testing.assert_allclose(faulty[9500:], whole[9500:], atol=5e-7)


def test_a_wire_without_signal_cannot_be_used(tmp_path: Path) -> None:
    volts = noise(12)
    volts[:, 2] = 4e-5
    signal = read([(0.0, volts)], tmp_path)
    assert signal.faults == {2: "constant at 4e-05 around 0.0 s, faulty for 12.0 s in all"}
    assert signal.bad_s == ()


def test_lfp_that_is_stored_is_used_as_it_is_and_said_so(tmp_path: Path) -> None:
    volts = noise(5, rate_hz=500)
    signal = read([(0.0, volts)], tmp_path, rate_hz=500.0)
    assert len(signal.segments[0].despiked) == len(volts)
    assert signal.notes == ("only LFP is stored: action potentials cannot be removed from the own wire",)


def test_one_sample_of_signal_is_no_failure(tmp_path: Path) -> None:
    signal = read([(0.0, np.full((1, 2), 3e-5))], tmp_path, rate_hz=1000.0)
    assert signal.segments[0].despiked.shape == (1, 2)


def spiking(seconds: float) -> tuple[np.ndarray, Unit]:
    """A unit of 200 uV on wire 0 of three noisy wires."""
    rng = np.random.default_rng(4)
    volts = noise(seconds, seed=1)
    samples = np.sort(rng.choice(np.arange(3000, len(volts) - 3000), 200, replace=False))
    shape = -2e-4 * np.hanning(30)
    for sample in samples:
        volts[sample - 15 : sample + 15, 0] += shape
    return volts, Unit(row=5, unit_id=9, electrode_rows=(0,), spike_times_s=samples / RATE_HZ)


@pytest.mark.parametrize(("despike", "left"), [("mean-waveform", 0.15), ("gls", 0.15), ("none", 1.0)])
def test_despiking_takes_the_action_potential_out_of_the_lfp(despike: str, left: float, tmp_path: Path) -> None:
    volts, unit = spiking(30)
    segment = read([(0.0, volts)], tmp_path, units=[unit], despike=despike).segments[0]
    at = np.round(unit.spike_times_s * segment.rate_hz).astype(int)
    recorded, despiked = (abs(float(lfp[at, 0].mean())) for lfp in (segment.recorded, segment.despiked))
    assert recorded > 1e-5
    assert despiked / recorded == pytest.approx(left, abs=0.15)


def test_the_wire_that_shows_a_unit_is_known(tmp_path: Path) -> None:
    volts, unit = spiking(30)
    assert read([(0.0, volts)], tmp_path, units=[unit]).shown_on[5].tolist() == [True, False, False]


def test_planted_discharges_are_found(tmp_path: Path) -> None:
    volts = noise(30, rate_hz=1000)
    planted_s = [6.0, 13.5, 22.25]
    for time_s in planted_s:
        at = round(time_s * 1000)
        volts[at - 20 : at + 20] -= 6e-4 * np.hanning(40)[:, None]
    signal = read([(50.0, volts)], tmp_path, rate_hz=1000.0)
    np.testing.assert_allclose(signal.discharges_s, [50 + time_s for time_s in planted_s], atol=0.03)


def test_memory_does_not_grow_with_the_recording(tmp_path: Path) -> None:
    peaks = []
    for seconds in (60, 120):
        stored = [(0.0, noise(seconds, n_wires=2, rate_hz=6000).astype(np.float32))]
        tracemalloc.start()
        signal = read(stored, tmp_path, rate_hz=6000.0)
        peaks.append(tracemalloc.get_traced_memory()[1] - stored[0][1].nbytes)
        tracemalloc.stop()
        assert not signal.segments[0].despiked.flags.writeable
    assert peaks[1] - peaks[0] < 2e6
