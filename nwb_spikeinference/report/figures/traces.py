"""Figures of single stretches: LFP, actual spikes, inferred probability."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from nwb_spikeinference.report.cells import count, format_number
from nwb_spikeinference.report.examples import TraceExample
from nwb_spikeinference.report.figures.canvas import COLOURS, INK, SOFT, Drawing, draw
from nwb_spikeinference.report.scope import rests_on
from nwb_spikeinference.report.words import CELL_TYPES


def draw_traces(examples: Sequence[TraceExample]) -> tuple[Drawing, ...]:
    """One figure per example."""
    return tuple(_draw_example(example, f"trace{index}") for index, example in enumerate(examples, start=1))


def _draw_example(example: TraceExample, name: str) -> Drawing:
    start, stop = float(example.time_s[0]), float(example.time_s[-1])
    spikes = np.asarray(example.spike_times_s, dtype=float)
    spikes = spikes[(spikes >= start) & (spikes <= stop)]
    colour = COLOURS[example.cell_type]

    def paint(figure: Figure) -> None:
        lfp, ticks, probability = figure.subplots(3, 1, sharex=True, height_ratios=(3, 0.7, 2.4))
        lfp.plot(example.time_s, example.lfp_uv, color=INK, linewidth=0.7)
        lfp.set_ylabel("LFP (µV)")
        ticks.vlines(spikes, 0, 1, color=colour, linewidth=1.1)
        ticks.set_ylim(-0.1, 1.1)
        ticks.set_yticks([0.5], ["spikes"])
        ticks.tick_params(length=0)
        probability.fill_between(example.time_s, 0, example.probability, color=colour, alpha=0.25, linewidth=0)
        probability.plot(example.time_s, example.probability, color=colour, linewidth=0.9)
        for time in spikes:
            probability.axvline(time, color=SOFT, linewidth=0.5, alpha=0.5, zorder=0)
        probability.set_ylim(bottom=0)
        probability.set_ylabel("inferred\nprobability")
        probability.set_xlabel("time (s)")
        probability.set_xlim(start, stop)
        for axes in (lfp, ticks):
            axes.spines["bottom"].set_visible(False)
            axes.tick_params(axis="x", length=0)
        ticks.spines["left"].set_visible(False)
        figure.align_ylabels((lfp, probability))

    who = f"Participant {example.participant}, {example.unit}, {CELL_TYPES[example.cell_type]}"
    place = f", {example.region}" if example.region else ""
    caption = (
        f"{who}{place}; AUC of the whole unit {format_number(example.roc_auc)}. Top: the LFP that predicts. Middle: "
        f"the {count(len(spikes), 'spike')} of this stretch. Bottom: the probability per bin inferred for them. "
        f"{rests_on(example.protocol, example.predictor, 1, 1)}"
    )
    alt = f"{example.title}: {stop - start:.1f} s of LFP, {count(len(spikes), 'spike')}, and the inferred probability."
    return draw(paint, name=name, title=example.title, caption=caption, alt=alt, size_in=(7.2, 3.3))
