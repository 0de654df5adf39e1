"""Which trace a unit is predicted from, and which bins count."""

import numpy as np
import pytest

from nwb_spikeinference.bands import Band
from nwb_spikeinference.inputs import runs_of
from nwb_spikeinference.pipeline.bundle_signal import BundleSignal, LfpSegment
from nwb_spikeinference.pipeline.session_inputs import SessionInputs, make_grid
from nwb_spikeinference.recordings import Electrode, Unit

BANDS = (Band(name="theta", low_hz=4, high_hz=8), Band(name="gamma", low_hz=30, high_hz=55))
BIN_S = 0.005


def make_signal(spans_s: list[tuple[float, float]], **changes: object) -> BundleSignal:
    """Four wires of noise; wire k holds the constant k in addition."""
    rng = np.random.default_rng(0)
    segments = []
    for start_s, stop_s in spans_s:
        lfp = (rng.standard_normal((round((stop_s - start_s) * 1000), 4)) + np.arange(4)).astype(np.float32)
        segments.append(LfpSegment(start_s=start_s, rate_hz=1000.0, despiked=lfp, recorded=lfp + 100))
    wires = tuple(
        Electrode(row=row, label=f"A{row}", bundle="A", region="hippocampus", hemisphere="left") for row in range(4)
    )
    return BundleSignal(wires=wires, segments=tuple(segments), **{"faults": {}} | changes)  # type: ignore[arg-type]


def make_inputs(signal: BundleSignal, bands: tuple[Band, ...] = BANDS) -> SessionInputs:
    return SessionInputs(make_grid([signal], BIN_S), bands, {"A": signal}, {})


def unit_on(*rows: int) -> Unit:
    return Unit(unit_id=1, electrode_rows=rows, spike_times_s=np.array([1.0]))


def test_a_neighbour_input_is_the_median_of_the_other_wires() -> None:
    signal = make_signal([(0, 10)])
    arrays, _ = make_inputs(signal).make([unit_on(1)], [None], ["A"], "neighbour")
    others = np.median(signal.segments[0].despiked[:, [0, 2, 3]], axis=1)
    np.testing.assert_allclose(arrays["neighbour_trace_uv"][0], others[2::5] * 1e6, rtol=1e-5)


def test_a_wire_that_shows_the_unit_is_no_neighbour() -> None:
    signal = make_signal([(0, 10)], shown_on={1: np.array([True, False, False, False])})
    arrays, _ = make_inputs(signal).make([unit_on(1)], [None], ["A"], "neighbour")
    others = np.median(signal.segments[0].despiked[:, [2, 3]], axis=1)
    np.testing.assert_allclose(arrays["neighbour_trace_uv"][0], others[2::5] * 1e6, rtol=1e-5)


def test_a_unit_that_the_file_links_to_all_wires_has_no_neighbour() -> None:
    arrays, reasons = make_inputs(make_signal([(0, 10)])).make([unit_on(0, 1, 2, 3)], [None], ["A"], "neighbour")
    assert arrays["neighbour_of_unit"].tolist() == [-1]
    assert "no neighbouring wire is left" in reasons[1]


def test_the_own_wire_keeps_its_action_potentials_and_the_despiked_one_does_not() -> None:
    signal = make_signal([(0, 10)])
    for predictor, kind in (("own", "recorded"), ("own-despiked", "despiked")):
        arrays, _ = make_inputs(signal).make([unit_on(2)], [None], ["A"], predictor)  # type: ignore[arg-type]
        expected = getattr(signal.segments[0], kind)[2::5, 2] * 1e6
        np.testing.assert_allclose(arrays[f"{predictor}_trace_uv"][0], expected, rtol=1e-5)


def test_bins_in_a_gap_and_near_its_edges_are_invalid() -> None:
    arrays, _ = make_inputs(make_signal([(2, 8), (12, 20)])).make([unit_on(1)], [None], ["A"], "neighbour")
    assert runs_of(arrays["neighbour_covered"][0]) == (slice(0, 1200), slice(2000, 3600))
    assert runs_of(arrays["neighbour_valid"][0]) == (slice(100, 1100), slice(2100, 3500))


def test_a_stretch_in_which_a_wire_failed_is_invalid_with_a_margin() -> None:
    arrays, _ = make_inputs(make_signal([(0, 20)], bad_s=((6.0, 8.0),))).make([unit_on(1)], [None], ["A"], "neighbour")
    assert runs_of(arrays["neighbour_valid"][0]) == (slice(100, 1000), slice(1800, 3900))


def test_units_of_one_wire_share_an_input() -> None:
    units = [unit_on(1), Unit(unit_id=2, electrode_rows=(1,), spike_times_s=np.array([2.0])), unit_on(3)]
    arrays, _ = make_inputs(make_signal([(0, 10)])).make(units, [None] * 3, ["A"] * 3, "neighbour")
    assert arrays["neighbour_of_unit"].tolist() == [0, 0, 1]


def test_a_band_above_the_nyquist_frequency_is_left_out_with_a_note() -> None:
    maker = make_inputs(make_signal([(0, 10)]), (*BANDS, Band(name="ripple", low_hz=200, high_hz=600)))
    assert [band.name for band in maker.bands] == ["theta", "gamma"]
    assert maker.notes == ["band ripple left out: it ends at 600 Hz, the LFP holds nothing above 500 Hz"]


@pytest.mark.parametrize(("start_s", "stop_s", "expected"), [(0.0, 1.0, (0, 200)), (0.001, 0.999, (1, 199))])
def test_only_whole_bins_lie_inside_a_stretch(start_s: float, stop_s: float, expected: tuple[int, int]) -> None:
    grid = make_grid([make_signal([(0, 10)])], BIN_S)
    piece = grid.bins_inside(start_s, stop_s)
    assert (piece.start, piece.stop) == expected
