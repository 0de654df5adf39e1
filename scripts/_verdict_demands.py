"""
What a study of each simulated world must say, as data.

A demand looks at one study and returns what it found; whether that is a number or a verdict is its own affair.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from nwb_spikeinference.records import CellGroup, ModelRecord, Results, TransferRecord

CELL_TYPES: tuple[CellGroup, ...] = ("excitatory", "inhibitory")
LOGISTIC = "logistic"
MIN_LOGISTIC_AUC: dict[CellGroup, float] = {"excitatory": 0.59, "inhibitory": 0.66}
NETWORK_LOSS = 0.01  # the main model may fall this far behind logistic regression in the plain world
NETWORK_GAIN = 0.01  # and must be ahead by this where theta gates gamma
SAME_AUC = 0.01
NULL_MARGIN = 0.01
NULL_UNITS = 50
ALL_CLAIMS = ("H1", "H2", "H3", "H4")
# What is false by construction. In `bleed` H1, H2 and H4 are true as in the plain world, and H3 is not judged.
FALSE_CLAIMS: dict[str, tuple[str, ...]] = {
    "null": ALL_CLAIMS,
    "drift": ALL_CLAIMS,
    "equal-coupling": ("H2",),
    "no-gamma": ("H4",),
    "polarity": ("H3",),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FinishedStudy:
    """One study of one simulated world."""

    world: str
    seed: int
    model: str
    results: Results
    plain: Results | None  # the same seed and model in the default world, where it is finished

    @property
    def flags(self) -> tuple[str, ...]:
        """Ids of all flags, each once."""
        return tuple(sorted({flag.id for flag in self.results.flags}))

    def verdict(self, hypothesis: str) -> str:
        """Give the verdict on H1, H2, H3 or H4."""
        return next((one.verdict for one in self.results.hypotheses if one.id == hypothesis), "none")


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Whether one study meets one demand, and by which number or verdict."""

    is_met: bool
    found: str


Check = Callable[[FinishedStudy], Finding | None]  # None: the demand does not concern this study


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """One thing that the study of a world must say."""

    world: str
    text: str
    check: Check


def find_score(results: Results, model: str, cell_type: CellGroup, metric: str) -> ModelRecord | None:
    """Mean over units of unseen participants, by the predictor in use."""
    return next(
        (
            one
            for one in results.models
            if (one.protocol, one.model, one.cell_type, one.metric) == ("unseen-participant", model, cell_type, metric)
            and one.predictor != "own"
        ),
        None,
    )


def logistic_reaches(cell_type: CellGroup) -> Demand:
    """Ask whether the couplings of the plain world are found."""
    least = MIN_LOGISTIC_AUC[cell_type]

    def check(study: FinishedStudy) -> Finding | None:
        score = find_score(study.results, LOGISTIC, cell_type, "roc_auc")
        return None if score is None else Finding(is_met=score.mean >= least, found=f"{score.mean:.3f}")

    return Demand(world="default", text=f"logistic ROC-AUC of {cell_type} units >= {least:g}", check=check)


def network_beyond_logistic(world: str, cell_type: CellGroup, least: float) -> Demand:
    """Ask by how much the main model is ahead of logistic regression."""

    def check(study: FinishedStudy) -> Finding | None:
        pair = [find_score(study.results, model, cell_type, "roc_auc") for model in (study.model, LOGISTIC)]
        if study.model == LOGISTIC or pair[0] is None or pair[1] is None:
            return None
        gain = pair[0].mean - pair[1].mean
        return Finding(is_met=gain >= least, found=f"{gain:+.3f}")

    return Demand(world=world, text=f"main model minus logistic, {cell_type} units >= {least:+g}", check=check)


def verdict_is(world: str, hypothesis: str, wanted: str) -> Demand:
    """Ask for one verdict."""

    def check(study: FinishedStudy) -> Finding:
        verdict = study.verdict(hypothesis)
        return Finding(is_met=verdict == wanted, found=verdict)

    return Demand(world=world, text=f"{hypothesis} {wanted}", check=check)


def not_supported(world: str, hypotheses: Sequence[str]) -> Demand:
    """Ask that none of these be supported."""

    def check(study: FinishedStudy) -> Finding:
        verdicts = [study.verdict(hypothesis) for hypothesis in hypotheses]
        found = verdicts[0] if len(verdicts) == 1 else f"{verdicts.count('supported')} supported"
        return Finding(is_met="supported" not in verdicts, found=found)

    return Demand(world=world, text=f"{', '.join(hypotheses)} not `supported`", check=check)


def has_flag(world: str, flag: str) -> Demand:
    """Ask for a flag."""

    def check(study: FinishedStudy) -> Finding:
        return Finding(is_met=flag in study.flags, found="yes" if flag in study.flags else "no")

    return Demand(world=world, text=f"flag `{flag}`", check=check)


def unchanged_by_bleed(cell_type: CellGroup) -> Demand:
    """Ask whether larger action potentials leave the neighbours' score as it is in the plain world of that seed."""

    def check(study: FinishedStudy) -> Finding | None:
        if study.plain is None:
            return None
        pair = [find_score(results, study.model, cell_type, "roc_auc") for results in (study.results, study.plain)]
        if pair[0] is None or pair[1] is None:
            return None
        change = pair[0].mean - pair[1].mean
        return Finding(is_met=abs(change) <= SAME_AUC, found=f"{change:+.3f}")

    text = f"ROC-AUC of {cell_type} units minus that of the default world within +-{SAME_AUC:g}"
    return Demand(world="bleed", text=text, check=check)


def transfer_turns(study: FinishedStudy) -> Finding | None:
    """Ask whether the transferred model scores below 0.5 at every place where amplitudes are inverted."""
    elsewhere = [one.roc_auc for one in study.results.transfer if one.cell_type == "all" and not _is_home(one)]
    return Finding(is_met=max(elsewhere) < 0.5, found=f"{max(elsewhere):.3f}") if elsewhere else None


def _is_home(record: TransferRecord) -> bool:
    trained = (record.train_region, record.train_hemisphere)
    return (record.test_region, record.test_hemisphere) == trained


def null_scores_nothing(study: FinishedStudy) -> Finding | None:
    """Ask whether every mean over enough units is 0.5: each model, each cell type and all."""
    departures = [
        one.mean - 0.5
        for one in study.results.models
        if one.metric == "roc_auc"
        and one.protocol == "unseen-participant"
        and one.predictor == "neighbour"  # on their own wire units are told from their action potentials
        and one.n_units >= NULL_UNITS
    ]
    if not departures:
        return None
    largest = max(departures, key=abs)
    return Finding(is_met=abs(largest) <= NULL_MARGIN, found=f"{largest:+.3f}")


DEMANDS: tuple[Demand, ...] = (
    *(logistic_reaches(cell_type) for cell_type in CELL_TYPES),
    *(network_beyond_logistic("default", cell_type, -NETWORK_LOSS) for cell_type in CELL_TYPES),
    verdict_is("default", "H2", "supported"),
    verdict_is("default", "H4", "supported"),
    *(network_beyond_logistic("gated", cell_type, NETWORK_GAIN) for cell_type in CELL_TYPES),
    not_supported("no-gamma", ["H4"]),
    has_flag("bleed", "bleed-through"),
    *(unchanged_by_bleed(cell_type) for cell_type in CELL_TYPES),
    verdict_is("bleed", "H2", "supported"),
    verdict_is("bleed", "H4", "supported"),
    not_supported("equal-coupling", ["H2"]),
    Demand(world="polarity", text="highest transfer ROC-AUC outside the left hippocampus < 0.5", check=transfer_turns),
    not_supported("polarity", ["H3"]),
    Demand(
        world="null",
        text=f"every ROC-AUC over >= {NULL_UNITS} units within 0.5 +-{NULL_MARGIN:g} (largest departure)",
        check=null_scores_nothing,
    ),
    not_supported("null", ALL_CLAIMS),
    not_supported("drift", ALL_CLAIMS),
    has_flag("drift", "drift"),
)


def wrongly_supported(study: FinishedStudy) -> tuple[str, ...]:
    """Hypotheses that are false in this world by construction and yet supported."""
    return tuple(name for name in FALSE_CLAIMS.get(study.world, ()) if study.verdict(name) == "supported")
