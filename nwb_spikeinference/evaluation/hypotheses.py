"""
Verdicts on the four hypotheses.

Holm's correction over those that could be tested, and the words of the record.
"""

from collections.abc import Sequence
from typing import Literal

from nwb_spikeinference.evaluation.claims import Claim, gamma_drives, inhibitory_better, separable_heads
from nwb_spikeinference.evaluation.evidence import StudyContext, UnitEvidence
from nwb_spikeinference.evaluation.fingerprint import bleed_objection
from nwb_spikeinference.evaluation.statistics import holm
from nwb_spikeinference.evaluation.transfer_claim import transfers
from nwb_spikeinference.records import HypothesisRecord

ALPHA = 0.05
HypothesisId = Literal["H1", "H2", "H3", "H4"]
STATEMENTS: dict[HypothesisId, str] = {
    "H1": "Putative excitatory and inhibitory units follow separable LFP patterns",
    "H2": "Putative inhibitory units are inferred better than excitatory ones",
    "H3": "The relation transfers across regions and hemispheres",
    "H4": "Gamma activity drives the predictions",
}


def judge_hypotheses(rows: Sequence[UnitEvidence], context: StudyContext) -> tuple[HypothesisRecord, ...]:
    """
    Judge the four hypotheses from the scores of held-out participants.

    Parameters
    ----------
    rows : sequence of UnitEvidence
        One row per unit that passed the quality criteria, scored by the main model.
    context : StudyContext
        Predictor, bands, place of the transfer's training, seed.

    Returns
    -------
    tuple of HypothesisRecord
        H1 to H4. Effects are differences in ROC-AUC with 95 % intervals; `p_holm` is corrected over those that could
        be tested. A claim that does not survive the correction is inconclusive.
    """
    objection = bleed_objection(rows, context)
    claims: dict[HypothesisId, Claim] = {
        "H1": separable_heads(rows, context),
        "H2": inhibitory_better(rows, context, objection),
        "H3": transfers(rows, context),
        "H4": gamma_drives(rows, context, objection),
    }
    tested = {name: claim.p for name, claim in claims.items() if claim.p is not None}
    corrected = dict(zip(tested, holm(list(tested.values())), strict=True))
    return tuple(_record(name, claim, corrected.get(name), len(tested)) for name, claim in claims.items())


def _record(name: HypothesisId, claim: Claim, p_holm: float | None, n_tested: int) -> HypothesisRecord:
    verdict, reason, interval = claim.verdict, claim.reason, claim.interval
    if verdict == "supported" and (p_holm is None or p_holm >= ALPHA):
        verdict = "inconclusive"
        reason = f"{reason}; does not survive the correction for {n_tested} tested hypotheses"
    return HypothesisRecord(
        id=name,
        statement=STATEMENTS[name],
        verdict=verdict,
        effect=interval.mean if interval else None,
        low=interval.low if interval else None,
        high=interval.high if interval else None,
        p_holm=p_holm,
        reason=reason,
    )
