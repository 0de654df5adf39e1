"""Figures of the report."""

import re
from collections.abc import Callable
from dataclasses import replace

import matplotlib as mpl
import numpy as np
import pytest

from nwb_spikeinference.errors import SettingsError
from nwb_spikeinference.records import Results
from nwb_spikeinference.report.examples import TraceExample
from nwb_spikeinference.report.figures.canvas import COLOURS, draw
from nwb_spikeinference.report.figures.lobo import band_edges, draw_lobo
from nwb_spikeinference.report.figures.traces import draw_traces
from nwb_spikeinference.report.figures.unit_scores import draw_precision, draw_units_beside_null, swarm_offsets
from nwb_spikeinference.report.scope import find_scope

MakeResults = Callable[..., Results]


def test_colours_follow_the_theme_of_the_page() -> None:
    drawing = draw(
        lambda figure: figure.subplots().plot([0, 1], color=COLOURS["inhibitory"]),
        name="a",
        title="A",
        caption="",
        alt="a line",
        size_in=(3, 2),
    )
    assert f"var(--inhibitory, {COLOURS['inhibitory']})" in drawing.svg


def test_drawing_leaves_the_settings_of_matplotlib_alone() -> None:
    before = dict(mpl.rcParams)
    draw(lambda figure: None, name="a", title="A", caption="", alt="nothing", size_in=(3, 2))
    assert dict(mpl.rcParams) == before


def test_the_users_settings_of_matplotlib_change_nothing(make_results: MakeResults) -> None:
    scope = find_scope(make_results())
    plain = draw_precision(scope)
    with mpl.rc_context({"font.size": 20, "axes.grid": True, "lines.linewidth": 7}):
        assert draw_precision(scope) == plain


def test_bands_stand_in_the_order_of_frequency(make_results: MakeResults) -> None:
    results = make_results()
    drawing = draw_lobo(find_scope(results.model_copy(update={"lobo": results.lobo[::-1]})))
    assert drawing is not None
    words = re.findall(r">(theta|low|high)<", drawing.svg)
    assert words == ["theta", "low", "high"]


def test_band_edges_come_from_the_settings(make_results: MakeResults) -> None:
    assert band_edges(make_results())["low_gamma"] == (30, 55)


def test_each_unit_is_one_mark_beside_one_null(make_results: MakeResults) -> None:
    svg = draw_units_beside_null(find_scope(make_results())).svg
    assert svg.count("<use ") >= 6 + 6 + 3 + 3  # units, nulls, participants of either type


def test_dots_of_one_height_are_spread_symmetrically() -> None:
    offsets = swarm_offsets(np.array([0.6, 0.6, 0.6, 0.9]), step=0.01, width=0.4)
    np.testing.assert_allclose(offsets, [-0.13, 0, 0.13, 0])


def test_a_unit_with_a_single_spike_can_be_drawn(make_results: MakeResults) -> None:
    results = make_results()
    units = (results.units[0].model_copy(update={"n_spikes": 1}),)
    assert "1 unit" in draw_precision(find_scope(results.model_copy(update={"units": units}))).caption


def test_a_trace_counts_only_the_spikes_of_its_stretch(example: TraceExample) -> None:
    (drawing,) = draw_traces([example])
    assert "2 spikes of this stretch" in drawing.caption


def test_a_trace_with_gaps_can_be_drawn(example: TraceExample) -> None:
    gaps = np.where(example.time_s > 0.5, np.nan, example.probability)
    assert len(draw_traces([replace(example, probability=gaps)])) == 1


def test_traces_of_unequal_length_are_refused(example: TraceExample) -> None:
    with pytest.raises(SettingsError, match=r"equally long.*\(200,\), \(199,\), \(200,\)"):
        replace(example, lfp_uv=example.lfp_uv[1:])
