"""
Reasons why a section has nothing to show.

An empty section looks like a null result. These sentences say which of the two it is.
"""

from nwb_spikeinference.records import Results
from nwb_spikeinference.regions import name_place
from nwb_spikeinference.report.cells import count
from nwb_spikeinference.report.scope import Scope, setting, usable_participants

_UNEXPLAINED = "No result was recorded; the log of the run and the flags say what failed."


def find_absences(scope: Scope) -> dict[str, str]:
    """Per section, why it would be empty."""
    results = scope.results
    without_unit = usable_participants(results) == 0
    return {
        "unseen-participant": _too_few(results, "Testing on unseen participants") or _UNEXPLAINED,
        "within-session": "No participant had a usable unit."
        if without_unit
        else "The within-session protocol was not run; the scores on unseen participants are the stricter ones.",
        "models": "No model was scored: no participant had a usable unit."
        if without_unit
        else f"No model was scored. {_UNEXPLAINED}",
        "lobo": why_no_lobo(results),
        "transfer": why_no_transfer(results),
        "hypotheses": _too_few(results, "Judging a hypothesis") or _UNEXPLAINED,
        "folds": _too_few(results, "Dividing participants into folds") or _UNEXPLAINED,
        "traces": "No traces were handed to this report; the predictions are in the NWB files."
        if scope.scored
        else "No unit was scored, so there is no prediction to draw.",
    }


def why_no_lobo(results: Results) -> str:
    """Why no band was left out."""
    if setting(results, "lobo", "mode") == "off":
        return "Leaving bands out was switched off (lobo: off in the study's settings)."
    return _too_few(results, "Leaving bands out") or _UNEXPLAINED


def why_no_transfer(results: Results) -> str:
    """Why nothing was transferred."""
    if too_few := _too_few(results, "Transfer between places"):
        return too_few
    region, side = setting(results, "transfer", "train", "region"), setting(results, "transfer", "train", "hemisphere")
    places = {(unit.region, unit.hemisphere) for unit in results.units if unit.excluded_reason is None}
    if region and not any(region == place[0] and side in (None, place[1]) for place in places):
        where = name_place(region, side)
        return f"No usable unit lies in the place to train on ({where}); choose another under 'transfer: train'."
    if len(places) < 2:
        return "Transfer needs units at two places at least; all usable units lie in one."
    return _UNEXPLAINED


def _too_few(results: Results, what: str) -> str:
    found = usable_participants(results)
    if found > 1:
        return ""
    return f"{what} needs at least two participants with usable units; this study has {count(found, 'participant')}."
