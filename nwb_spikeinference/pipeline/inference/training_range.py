"""
The range of a model's training, in words, and what about a contact lies outside of it.
"""

from collections.abc import Sequence

from scipy.special import expit

from nwb_spikeinference.pipeline.inference.model_folder import SavedSettings, hash_participant
from nwb_spikeinference.recordings import CellType, Electrode
from nwb_spikeinference.signal.resample import SAME_RATE

INFERRED_TYPES: tuple[CellType, ...] = ("excitatory", "inhibitory")
_TRACES = {
    "neighbour": "the median of a unit's neighbouring microwires",
    "own-despiked": "a unit's own microwire without its action potentials",
    "own": "a unit's own microwire",
    "macro": "the median of the macro contacts of a unit's electrode",
}


def describe_training(settings: SavedSettings) -> tuple[str, ...]:
    """Where a model was trained, what it reads, and which rates it takes for granted."""
    signal = settings.signal
    places = ", ".join(f"{place.text} ({place.n_units} units)" for place in settings.trained_at)
    return (
        f"Inferred, not measured: by the model {settings.model.name} of the study {settings.study!r}, trained on "
        f"{settings.n_units['any']} units of {len(settings.training_participants)} participants at: {places}.",
        f"It was trained on {_TRACES[signal.predictor]}, LFP at {settings.lfp_rate_hz:g} Hz, reference "
        f"{signal.reference}, mains {signal.line_hz} Hz. Here it reads each contact's own LFP"
        + (" as recorded." if signal.reference == "none" else f", reference {signal.reference}."),
        "The mean rate cannot be told from LFP; it is that of the training units, per bin of "
        f"{settings.target.bin_ms:g} ms: "
        + "; ".join(_typical_rate(settings, cell_type) for cell_type in INFERRED_TYPES)
        + ".",
        *_about_action_potentials(settings),
        f"Bins near ends, faults{' and interictal discharges' if signal.exclude_discharges else ''} hold NaN, as they "
        "took no part in training or scores.",
    )


def _about_action_potentials(settings: SavedSettings) -> tuple[str, ...]:
    if settings.signal.despike == "none" or settings.signal.predictor in ("own", "macro"):
        return ()
    return ("Action potentials were taken out of raw training signals; in LFP of a microwire they are still there.",)


def _typical_rate(settings: SavedSettings, cell_type: CellType) -> str:
    log_odds = settings.intercepts[cell_type]
    probability = float(expit(log_odds))
    text = f"{cell_type} {probability:.4f} (log-odds {log_odds:.2f}, {settings.n_units[cell_type]} units)"
    if not settings.n_units[cell_type]:
        return f"{text}: no such unit was in training, so this is any unit"
    return text


def describe_participant(settings: SavedSettings, participant: str) -> tuple[str, ...]:
    """A warning where a model was trained on the very participant; otherwise nothing."""
    if hash_participant(settings.study, participant) not in settings.training_participants:
        return ()
    return (f"Participant {participant} was among those that trained the model: nothing of this is held out.",)


def outside_of_training(settings: SavedSettings, electrode: Electrode, rate_hz: float) -> tuple[str, ...]:
    """
    Why a contact is not like what a model was trained on; empty if it is.

    Parameters
    ----------
    rate_hz : float
        At which the contact was recorded.
    """
    reasons = [*_place_reasons(settings, electrode)]
    kind = "macro" if settings.signal.predictor == "macro" else "micro"
    if not electrode.kind_is_named:
        reasons.append(
            f"its file does not say whether it is a micro or a macro contact (study.yaml can: layout: contacts), "
            f"trained on {kind} contacts"
        )
    elif electrode.kind != kind:
        reasons.append(f"a {electrode.kind} contact, trained on {kind} contacts")
    if rate_hz < settings.lfp_rate_hz * (1 - SAME_RATE):
        reasons.append(f"recorded at {rate_hz:g} Hz, trained on LFP at {settings.lfp_rate_hz:g} Hz")
    return tuple(reasons)


def _place_reasons(settings: SavedSettings, electrode: Electrode) -> Sequence[str]:
    sides = {place.hemisphere for place in settings.trained_at if place.region == electrode.region}
    if electrode.region is None:
        return ("its region is unknown",)
    if not sides:
        return (f"region {electrode.region} was not in training",)
    if electrode.hemisphere is None:
        return ("its side is unknown",)
    if electrode.hemisphere not in sides:
        return (f"{electrode.hemisphere} {electrode.region} was not in training, the other side was",)
    return ()
