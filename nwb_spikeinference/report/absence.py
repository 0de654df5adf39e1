"""
Reasons why a section has nothing to show.

An empty section looks like a null result. These sentences say which of the two it is.
"""

from nwb_spikeinference.records import Results
from nwb_spikeinference.report.cells import count
from nwb_spikeinference.report.scope import setting, usable_participants

_UNEXPLAINED = "No result was recorded; the log of the run and the flags say what failed."


def why_no_unseen(results: Results) -> str:
    """Why there are no scores on unseen participants."""
    return _too_few(results, "Testing on unseen participants") or _UNEXPLAINED


def why_no_within(results: Results) -> str:
    """Why there are no scores within sessions."""
    if usable_participants(results) == 0:
        return "No participant had a usable unit."
    return "The within-session protocol was not run; the scores on unseen participants are the stricter ones."


def why_no_models(results: Results) -> str:
    """Why no model was scored."""
    if usable_participants(results) == 0:
        return "No model was scored: no participant had a usable unit."
    return f"No model was scored. {_UNEXPLAINED}"


def why_no_lobo(results: Results) -> str:
    """Why no band was left out."""
    if setting(results, "lobo", "mode") == "off":
        return "Leaving bands out was switched off (lobo: off in the study's settings)."
    return _too_few(results, "Leaving bands out") or _UNEXPLAINED


def why_no_transfer(results: Results) -> str:
    """Why nothing was transferred."""
    too_few = _too_few(results, "Transfer between places")
    if too_few:
        return too_few
    region, side = setting(results, "transfer", "train", "region"), setting(results, "transfer", "train", "hemisphere")
    places = {(unit.region, unit.hemisphere) for unit in results.units if unit.excluded_reason is None}
    if region and not any(region == place[0] and side in (None, place[1]) for place in places):
        where = " ".join(part for part in (side, region) if part)
        return f"No usable unit lies in the place to train on ({where}); choose another under 'transfer: train'."
    if len(places) < 2:
        return "Transfer needs units at two places at least; all usable units lie in one."
    return _UNEXPLAINED


def why_no_hypotheses(results: Results) -> str:
    """Why no hypothesis was judged."""
    return _too_few(results, "Judging a hypothesis") or _UNEXPLAINED


def why_no_folds(results: Results) -> str:
    """Why participants were not divided into folds."""
    return _too_few(results, "Dividing participants into folds") or _UNEXPLAINED


def why_no_examples(n_scored: int) -> str:
    """Why no trace is drawn."""
    if n_scored == 0:
        return "No unit was scored, so there is no prediction to draw."
    return "No traces were handed to this report; the predictions are in the NWB files."


def _too_few(results: Results, what: str) -> str:
    found = usable_participants(results)
    if found > 1:
        return ""
    return f"{what} needs at least two participants with usable units; this study has {count(found, 'participant')}."
