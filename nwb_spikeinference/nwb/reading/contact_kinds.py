"""
Sizes of contacts: as texts of the electrodes table say, else as the series of the file do.
"""

import re
from collections.abc import Sequence
from dataclasses import replace

from nwb_spikeinference.nwb.reading.series_choice import UNUSED
from nwb_spikeinference.recordings import Electrode, ElectrodeKind, SignalBlock, Unit

_PARTS = r"(s|wires?|electrodes?|contacts?|channels?)?"
_MICRO, _MACRO = re.compile(f"[a-z]*micro{_PARTS}"), re.compile(f"[a-z]*macro{_PARTS}")  # LHIPmacro1 too
_MACRO_WORDS = {"ieeg", "seeg", "ecog"}  # iEEG, sEEG, ECoG: contacts of millimetres


def kinds_in_text(text: str) -> set[ElectrodeKind]:
    """Sizes that words of a text name: ``micro-17``, ``macros``, ``sEEG``."""
    words = set(re.findall(r"[a-z]+", text.lower()))
    kinds: set[ElectrodeKind] = set()
    if any(_MICRO.fullmatch(word) for word in words):
        kinds.add("micro")
    if any(_MACRO.fullmatch(word) for word in words) or _MACRO_WORDS & words:
        kinds.add("macro")
    return kinds or ({"scalp"} if "scalp" in words else kinds)


def kind_in_text(text: str) -> ElectrodeKind | None:
    """The one size that a text names, or None."""
    kinds = kinds_in_text(text)
    return kinds.pop() if len(kinds) == 1 else None


def kind_of_group(name: str, *descriptions: str) -> tuple[ElectrodeKind | None, bool]:
    """What a group holds, by its name, else by its other texts, if one names it; and whether these name both sizes."""
    if name.lower() == "eeg":
        return "scalp", False
    named = kind_in_text(name)
    if named is not None:
        return named, False
    kinds = kinds_in_text(" ".join((name, *descriptions)))
    return (kinds.pop() if len(kinds) == 1 else None), len(kinds) > 1


def with_kinds_of_series(
    electrodes: Sequence[Electrode], blocks: Sequence[SignalBlock], units: Sequence[Unit]
) -> tuple[Electrode, ...]:
    """
    Contacts that only series of macro contacts hold are macro; those with units in a raw series are wires.

    A file whose table lists the macro contacts alone may link units and raw voltage of the microwires to them, as DANDI
    000574 does: where spikes can be seen, a wire was recorded.
    """
    named: dict[int, set[ElectrodeKind | None]] = {}
    for block in blocks:
        for row in block.electrode_rows:
            named.setdefault(row, set()).add(kind_in_text(block.path))
    with_units = {row for unit in units for row in unit.electrode_rows}
    wires = {
        row
        for block in blocks
        if block.kind == "raw" and with_units & set(block.electrode_rows)
        for row in block.electrode_rows
    }
    by_series = {row: kinds.pop() for row, kinds in named.items() if len(kinds) == 1}

    def judged(electrode: Electrode) -> Electrode:
        kind = by_series.get(electrode.row)
        if electrode.kind == "micro" and kind in ("micro", "macro"):
            return replace(electrode, kind=kind, kind_is_named=True)
        if electrode.kind in ("micro", "macro") and electrode.row in wires:
            return replace(electrode, kind="micro", kind_is_named=True)
        return electrode

    return tuple(map(judged, electrodes))


def leave_out_scalp(
    electrodes: Sequence[Electrode], blocks: Sequence[SignalBlock]
) -> tuple[tuple[SignalBlock, ...], tuple[str, ...]]:
    """Blocks but those of electrodes on the scalp, and what was left out."""
    scalp = {electrode.row for electrode in electrodes if electrode.kind == "scalp"}
    left_out = [block for block in blocks if set(block.electrode_rows) - {UNUSED} <= scalp]
    notes = dict.fromkeys(f"{block.path} left out: recorded on the scalp" for block in left_out)
    return tuple(block for block in blocks if block not in left_out), tuple(notes)
