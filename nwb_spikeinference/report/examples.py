"""Stretches of recording that show what a prediction looks like beside the spikes."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np

from nwb_spikeinference.errors import SettingsError
from nwb_spikeinference.files import replace_atomically
from nwb_spikeinference.recordings import CellType, FloatArray
from nwb_spikeinference.records import Protocol

_ARRAYS = ("time_s", "lfp_uv", "probability", "spike_times_s")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TraceExample:
    """
    One stretch of LFP, the spike probability inferred from it, and the spikes that occurred.

    Attributes
    ----------
    title : str
        Why this stretch is shown, e.g. ``median putative inhibitory unit``.
    time_s : ndarray of shape (n,)
        Seconds on the session's clock, increasing.
    lfp_uv : ndarray of shape (n,)
        The predictor's LFP, in microvolts.
    probability : ndarray of shape (n,)
        Spike probability per bin, without unit; NaN where nothing was inferred.
    spike_times_s : ndarray of shape (n_spikes,)
        Seconds on the same clock.

    Raises
    ------
    SettingsError
        If the traces differ in length or hold fewer than two samples.
    """

    title: str
    time_s: FloatArray
    lfp_uv: FloatArray
    probability: FloatArray
    spike_times_s: FloatArray
    participant: str
    unit: str  # its name
    region: str | None
    cell_type: CellType
    predictor: str
    protocol: Protocol
    roc_auc: float | None = None  # of the whole unit, not of this stretch

    def __post_init__(self) -> None:
        shapes = [np.shape(trace) for trace in (self.time_s, self.lfp_uv, self.probability)]
        if len(set(shapes)) != 1 or len(shapes[0]) != 1 or shapes[0][0] < 2:
            found = ", ".join(map(str, shapes))
            raise SettingsError(
                f"example {self.title!r}: time, LFP and probability must be 1-D, equally long and hold at least "
                f"2 samples, got shapes {found}"
            )


def save_examples(examples: Sequence[TraceExample], target: Path) -> None:
    """Keep the examples beside the results, so that the report can be rendered again."""
    arrays: dict[str, np.ndarray] = {}
    for number, example in enumerate(examples):
        plain = {field.name: getattr(example, field.name) for field in fields(example) if field.name not in _ARRAYS}
        arrays[f"{number}_facts"] = np.array(json.dumps(plain))
        arrays |= {f"{number}_{name}": np.asarray(getattr(example, name)) for name in _ARRAYS}
    with replace_atomically(target) as temporary, temporary.open("wb") as stream:
        np.savez_compressed(stream, **arrays)  # type: ignore[arg-type]


def load_examples(source: Path) -> tuple[TraceExample, ...]:
    """What `save_examples` kept; nothing if it kept nothing."""
    if not source.exists():
        return ()
    with np.load(source, allow_pickle=False) as stored:
        return tuple(
            TraceExample(
                **{name: stored[f"{number}_{name}"] for name in _ARRAYS}, **json.loads(str(stored[f"{number}_facts"]))
            )
            for number in range(len(stored.files) // (len(_ARRAYS) + 1))
        )
