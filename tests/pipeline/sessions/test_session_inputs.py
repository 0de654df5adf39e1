"""Which trace a unit is predicted from, and which bins count."""

from pathlib import Path

import numpy as np
import pytest

from nwb_spikeinference.bands import Band, default_bands
from nwb_spikeinference.config import SignalSettings
from nwb_spikeinference.inputs import stretches_of
from nwb_spikeinference.pipeline.sessions.bins import make_grid, samples_of
from nwb_spikeinference.pipeline.sessions.bundle_signal import BundleSignal, LfpSegment
from nwb_spikeinference.pipeline.sessions.lfp_inputs import LfpRequest, SessionInputs
from nwb_spikeinference.recordings import Electrode
from nwb_spikeinference.signal.band_leaks import leaking_pairs

BANDS = (Band(name="theta", low_hz=4, high_hz=8), Band(name="gamma", low_hz=30, high_hz=55))
BIN_S = 0.005


def make_signal(spans_s: list[tuple[float, float]], rate_hz: float = 1000.0, **changes: object) -> BundleSignal:
    """Four wires of noise; wire k holds the constant k in addition."""
    rng = np.random.default_rng(0)
    segments = []
    for start_s, stop_s in spans_s:
        lfp = (rng.standard_normal((round((stop_s - start_s) * rate_hz), 4)) + np.arange(4)).astype(np.float32)
        segments.append(LfpSegment(start_s=start_s, rate_hz=rate_hz, despiked=lfp, recorded=lfp + 100))
    wires = tuple(
        Electrode(row=row, label=f"A{row}", bundle="A", region="hippocampus", hemisphere="left") for row in range(4)
    )
    return BundleSignal(wires=wires, segments=tuple(segments), **{"faults": {}} | changes)  # type: ignore[arg-type]


def make_inputs(
    signal: BundleSignal,
    bands: tuple[Band, ...] = BANDS,
    *,
    raw: bool = False,
    stop_bands: bool = False,
    **settings: object,
) -> SessionInputs:
    chosen = SignalSettings(**{"wide_band": False} | settings)  # type: ignore[arg-type]
    return SessionInputs(
        make_grid(signal.segments, BIN_S), bands, {"A": signal}, {}, chosen, raw=raw, stop_bands=stop_bands
    )


def unit_on(*rows: int, unit_row: int = 7) -> LfpRequest:
    return LfpRequest(bundle="A", electrode_rows=rows, unit_row=unit_row)


def test_a_neighbour_input_is_the_median_of_the_other_wires(tmp_path: Path) -> None:
    signal = make_signal([(0, 10)])
    inputs, _ = make_inputs(signal).make([unit_on(1)], "neighbour", tmp_path)
    others = np.median(signal.segments[0].despiked[:, [0, 2, 3]], axis=1)
    np.testing.assert_allclose(inputs.trace_uv[0], others[2::5] * 1e6, rtol=1e-5)


def test_a_wire_that_shows_the_unit_is_no_neighbour(tmp_path: Path) -> None:
    signal = make_signal([(0, 10)], shown_on={7: np.array([True, False, False, False])})
    inputs, _ = make_inputs(signal).make([unit_on(1)], "neighbour", tmp_path)
    others = np.median(signal.segments[0].despiked[:, [2, 3]], axis=1)
    np.testing.assert_allclose(inputs.trace_uv[0], others[2::5] * 1e6, rtol=1e-5)


def test_a_unit_that_the_file_links_to_all_wires_has_no_neighbour(tmp_path: Path) -> None:
    inputs, reasons = make_inputs(make_signal([(0, 10)])).make([unit_on(0, 1, 2, 3)], "neighbour", tmp_path)
    assert inputs.of_unit.tolist() == [-1]
    assert "no neighbouring wire is left" in reasons[0]


def test_the_own_wire_keeps_its_action_potentials_and_the_despiked_one_does_not(tmp_path: Path) -> None:
    signal = make_signal([(0, 10)])
    for predictor, kind in (("own", "recorded"), ("own-despiked", "despiked")):
        inputs, _ = make_inputs(signal).make([unit_on(2)], predictor, tmp_path)  # type: ignore[arg-type]
        expected = getattr(signal.segments[0], kind)[2::5, 2] * 1e6
        np.testing.assert_allclose(inputs.trace_uv[0], expected, rtol=1e-5)


def test_bins_in_a_gap_and_near_its_edges_are_invalid(tmp_path: Path) -> None:
    inputs, _ = make_inputs(make_signal([(2, 8), (12, 20)])).make([unit_on(1)], "neighbour", tmp_path)
    assert stretches_of(inputs.covered[0]) == (slice(0, 1200), slice(2000, 3600))
    assert stretches_of(inputs.valid[0]) == (slice(100, 1100), slice(2100, 3500))


def test_a_stretch_in_which_a_wire_failed_is_invalid_with_a_margin(tmp_path: Path) -> None:
    inputs, _ = make_inputs(make_signal([(0, 20)], bad_s=((6.0, 8.0),))).make([unit_on(1)], "neighbour", tmp_path)
    assert stretches_of(inputs.valid[0]) == (slice(100, 1000), slice(1800, 3900))


def test_units_of_one_wire_share_an_input(tmp_path: Path) -> None:
    units = [unit_on(1), unit_on(1, unit_row=1), unit_on(3, unit_row=2)]
    inputs, _ = make_inputs(make_signal([(0, 10)])).make(units, "neighbour", tmp_path)
    assert inputs.of_unit.tolist() == [0, 0, 1]


def test_a_band_above_the_nyquist_frequency_is_left_out_with_a_note() -> None:
    maker = make_inputs(make_signal([(0, 10)]), (*BANDS, Band(name="ripple", low_hz=200, high_hz=600)))
    assert [band.name for band in maker.bands] == ["theta", "gamma"]
    assert maker.notes == ["band ripple left out: it ends at 600 Hz, the LFP holds nothing above 500 Hz"]


@pytest.mark.parametrize(("start_s", "stop_s", "expected"), [(0.0, 1.0, (0, 200)), (0.001, 0.999, (1, 199))])
def test_only_whole_bins_lie_inside_a_stretch(start_s: float, stop_s: float, expected: tuple[int, int]) -> None:
    grid = make_grid(make_signal([(0, 10)]).segments, BIN_S)
    piece = grid.bins_inside(start_s, stop_s)
    assert (piece.start, piece.stop) == expected


@pytest.mark.parametrize("start_s", [12.0, 12.002])
def test_every_bin_that_counts_has_features(start_s: float, tmp_path: Path) -> None:
    signal = make_signal([(0, 10), (start_s, start_s + 3.001)])  # the second holds 600 whole bins, or 599: too few
    inputs, _ = make_inputs(signal).make([unit_on(1)], "neighbour", tmp_path)
    valid, covered = inputs.valid[0], inputs.covered[0]
    assert valid[2400:].any() == (start_s == 12.0)
    assert covered[valid].all()


def test_a_second_beside_a_discharge_is_left_out_for_it_alone(tmp_path: Path) -> None:
    signal = make_signal([(0, 20)], discharges_s=(0.6, 10.0), bad_s=((10.5, 11.0),))
    inputs, _ = make_inputs(signal).make([unit_on(1)], "neighbour", tmp_path)
    assert stretches_of(inputs.discharge[0]) == (slice(100, 320), slice(1800, 1900))
    assert stretches_of(inputs.valid[0]) == (slice(320, 1800), slice(2400, 3900))


def test_features_beside_a_discharge_are_those_of_the_signal(tmp_path: Path) -> None:
    every = [
        make_inputs(make_signal([(0, 20)], discharges_s=times_s), exclude_discharges=exclude)
        .make([unit_on(1)], "neighbour", tmp_path)[0]
        .features
        for times_s, exclude in (((), True), ((10.0,), True), ((10.0,), False))
    ]
    np.testing.assert_array_equal(every[0], every[1])
    np.testing.assert_array_equal(every[0], every[2])


@pytest.mark.parametrize(("every_s", "exclude"), [(3.0, True), (10.0, False)], ids=["too many", "not wanted"])
def test_discharges_are_kept_where(every_s: float, exclude: bool, tmp_path: Path) -> None:
    signal = make_signal([(0, 20)], discharges_s=tuple(np.arange(1.5, 20, every_s).tolist()))
    inputs, _ = make_inputs(signal, exclude_discharges=exclude).make([unit_on(1)], "neighbour", tmp_path)
    assert not inputs.discharge.any()
    assert stretches_of(inputs.valid[0]) == (slice(100, 3900),)


def test_a_bipolar_reference_leaves_out_wires_that_show_the_unit(tmp_path: Path) -> None:
    signal = make_signal([(0, 10)], shown_on={7: np.array([True, False, True, False])})
    maker = make_inputs(signal, reference="bipolar")
    inputs, _ = maker.make([unit_on(2)], "own-despiked", tmp_path)
    lfp = signal.segments[0].despiked[2::5]
    np.testing.assert_allclose(inputs.trace_uv[0], (lfp[:, 2] - lfp[:, 3]) * 1e6, rtol=1e-4)


def test_a_median_reference_leaves_out_the_own_wire(tmp_path: Path) -> None:
    signal = make_signal([(0, 10)])
    inputs, _ = make_inputs(signal, reference="bundle-median", predictor="own").make([unit_on(2)], "own", tmp_path)
    lfp = signal.segments[0].recorded[2::5]
    expected = lfp[:, 2] - np.median(lfp[:, [0, 1, 3]], axis=1)
    np.testing.assert_allclose(inputs.trace_uv[0], expected * 1e6, rtol=1e-3, atol=10)


def test_a_bundle_of_one_wire_says_what_to_use_instead(tmp_path: Path) -> None:
    signal = make_signal([(0, 10)], faults={0: "constant", 2: "constant", 3: "constant"})
    _, reasons = make_inputs(signal).make([unit_on(1)], "neighbour", tmp_path)
    assert reasons[0].endswith("use predictor: own-despiked, or macro")


def test_wide_band_features_follow_those_of_the_bands(tmp_path: Path) -> None:
    maker = make_inputs(make_signal([(0, 10)]), wide_band=True)
    inputs, _ = maker.make([unit_on(1)], "neighbour", tmp_path)
    assert maker.feature_names[6:] == tuple(
        f"wide:{name}"
        for name in ("motor_potential", "phase_cosine", "phase_sine", "aperiodic_offset", "aperiodic_exponent")
    )
    assert (inputs.features[0].std(axis=0) > 0.1).all()


def test_slow_lfp_has_no_wide_band_features_and_says_so() -> None:
    maker = make_inputs(make_signal([(0, 10)], rate_hz=100.0), BANDS[:1], wide_band=True)
    assert maker.notes == [
        "wide-band features left out: they look up to 50 Hz, the LFP holds nothing above 50 Hz"
    ]  # fmt: skip
    assert len(maker.feature_names) == 3


def test_bins_follow_a_measured_rate(tmp_path: Path) -> None:
    signal = make_signal([(0, 20)], rate_hz=1001.0)
    inputs, _ = make_inputs(signal).make([unit_on(1)], "own", tmp_path)
    centres = np.floor((np.arange(inputs.trace_uv.shape[1]) + 0.5) * BIN_S * 1001 + 1e-6).astype(int)
    np.testing.assert_allclose(inputs.trace_uv[0], signal.segments[0].recorded[centres, 1] * 1e6, rtol=1e-5)


def test_features_lie_on_disk(tmp_path: Path) -> None:
    inputs, _ = make_inputs(make_signal([(0, 10)])).make([unit_on(1)], "neighbour", tmp_path)
    features = inputs.features
    assert isinstance(features, np.memmap)
    assert Path(str(features.filename)).parent == tmp_path


def test_the_samples_of_successive_bins_are_the_trace_without_gap_or_overlap(tmp_path: Path) -> None:
    signal = make_signal([(0, 10)])
    inputs, _ = make_inputs(signal, raw=True).make([unit_on(1)], "neighbour", tmp_path)
    trace = np.median(signal.segments[0].despiked[:, [0, 2, 3]], axis=1)
    good = trace[500:-500]  # half a second at either end is not valid
    spread = 1.4826 * np.median(np.abs(good - np.median(good)))
    raw = inputs.raw[0]
    assert raw.shape == (2000, 5)
    np.testing.assert_allclose(raw.ravel(), (trace - np.median(good)) / spread, atol=1e-4)


@pytest.mark.parametrize("start_s", [0.0, 2.0, 2.0013, 7.0005])
def test_bins_take_every_sample_once_wherever_a_segment_begins(start_s: float) -> None:
    signal = make_signal([(0, 1), (start_s, start_s + 20)])
    grid = make_grid(signal.segments, BIN_S)
    segment = signal.segments[1]
    samples = samples_of(grid, segment, grid.bins_inside(segment.start_s, segment.stop_s), 5).ravel()
    np.testing.assert_array_equal(np.diff(samples), 1)


def test_the_middle_sample_of_a_bin_is_that_of_its_features() -> None:
    signal = make_signal([(0, 20)], rate_hz=1001.0)
    grid = make_grid(signal.segments, BIN_S)
    bins = slice(0, grid.n_bins)
    five, one = (samples_of(grid, signal.segments[0], bins, per_bin) for per_bin in (5, 1))
    np.testing.assert_array_equal(five[:, 2], one[:, 0])


def test_a_trace_is_0_in_a_gap_alone(tmp_path: Path) -> None:
    signal = make_signal([(2, 8), (12, 20)], bad_s=((4.0, 5.0),))
    inputs, _ = make_inputs(signal, raw=True).make([unit_on(1)], "neighbour", tmp_path)
    np.testing.assert_array_equal(inputs.raw[0].any(axis=1), inputs.covered[0])


def test_traces_lie_on_disk_beside_features(tmp_path: Path) -> None:
    inputs, _ = make_inputs(make_signal([(0, 10)]), raw=True).make([unit_on(1)], "neighbour", tmp_path)
    for name in ("features", "raw"):
        mapped = getattr(inputs, name)
        assert isinstance(mapped, np.memmap)
        assert Path(str(mapped.filename)).parent == tmp_path


def test_traces_are_kept_for_models_that_read_them_and_not_for_the_control(tmp_path: Path) -> None:
    signal = make_signal([(0, 10)])
    plain, _ = make_inputs(signal).make([unit_on(1)], "neighbour", tmp_path)
    control, _ = make_inputs(signal, raw=True).make([unit_on(1)], "own", tmp_path)
    assert plain.raw is None
    assert control.raw is None


def test_lfp_that_bins_do_not_hold_in_full_is_noted_and_its_highest_band_left_out() -> None:
    high = Band(name="high_gamma", low_hz=65, high_hz=115)
    maker = make_inputs(make_signal([(0, 10)], rate_hz=250.0), (*BANDS, high), raw=True)
    assert maker.samples_per_bin == 1
    assert [band.name for band in maker.bands] == ["theta", "gamma"]
    assert maker.notes == [
        "models of the LFP itself read it at 200 Hz, 1 per bin of 5 ms, though it was sampled at 250 Hz",
        "band high_gamma left out: it ends at 115 Hz, the LFP as it is read holds nothing above 100 Hz",
    ]


def test_lfp_slower_than_the_bins_repeats_samples_and_says_so(tmp_path: Path) -> None:
    maker = make_inputs(make_signal([(0, 10)], rate_hz=100.0), BANDS[:1], raw=True)
    inputs, _ = maker.make([unit_on(1)], "neighbour", tmp_path)
    raw = inputs.raw[0, :, 0]
    np.testing.assert_array_equal(raw[::2], raw[1::2])
    assert maker.notes == [
        "models of the LFP itself read it at 200 Hz, 1 per bin of 5 ms, though it was sampled at 100 Hz"
    ]  # fmt: skip


def test_bands_without_their_neighbours_are_kept_for_the_predictor_in_use_only(tmp_path: Path) -> None:
    maker = make_inputs(make_signal([(0, 10)]), default_bands(60), stop_bands=True)
    inputs, _ = maker.make([unit_on(1)], "neighbour", tmp_path)
    control, _ = maker.make([unit_on(1)], "own", tmp_path)
    assert inputs.stopped.shape == (1, 2000, 3 * len(leaking_pairs(default_bands(60))))
    assert np.abs(inputs.stopped).max() <= 5
    assert control.stopped is None
