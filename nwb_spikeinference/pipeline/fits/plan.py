"""
Which trainings a study consists of.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from nwb_spikeinference.config import StudySettings
from nwb_spikeinference.evaluation.evidence import place_name
from nwb_spikeinference.evaluation.splits import Fold, FoldPlan, participant_folds
from nwb_spikeinference.models.registry import reads_raw
from nwb_spikeinference.pipeline.fits.cohort import Cohort
from nwb_spikeinference.pipeline.fits.fit_spec import FitSpec
from nwb_spikeinference.regions import Hemisphere
from nwb_spikeinference.signal.features import bands_of, wide_columns

LOGISTIC = "logistic"
MIN_HOME_PARTICIPANTS = 3  # with units at a place, without which no model is trained there alone
PlaceKey = tuple[str, Hemisphere | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyPlan:
    """
    Folds and trainings.

    Attributes
    ----------
    groups : mapping
        Name of a group of fits, one per fold -> the fits. Groups are ``unseen/<model>``, ``within/<model>``,
        ``own/logistic``, ``compared/logistic`` (its counterpart, if no such model is scored in full),
        ``drop/<model>/<band>``, ``only/<model>/<band>``, ``bands/<model>`` (what the drops are compared with, where the
        features hold more than bands), ``transfer/<model>``, ``home/<model>/<place>`` (trained on the units of one
        place; its fits may be those of the transfer) and ``thin/<draw>``.
    """

    folds: FoldPlan
    groups: Mapping[str, tuple[FitSpec, ...]]

    def specs(self) -> Iterator[FitSpec]:
        """All trainings, each once, in the order in which they are done."""
        yield from dict.fromkeys(spec for group in self.groups.values() for spec in group)


def make_plan(cohort: Cohort, settings: StudySettings) -> StudyPlan:
    """Plan every protocol that the cohort is large enough for."""
    folds = participant_folds(cohort.unit_infos(), settings.validation.folds, settings.seed)
    groups: dict[str, tuple[FitSpec, ...]] = {}
    models = settings.scored_models()
    for model in models:
        groups[f"within/{model}"] = _within_fits(cohort, settings, model)
    if folds.folds:
        for model in models:
            groups[f"unseen/{model}"] = _fold_fits(folds.folds, settings, model, full=True)
        groups |= _control_fits(folds.folds, cohort, settings)
        groups |= _lobo_fits(folds.folds, cohort, settings)
        groups |= _transfer_fits(folds.folds, cohort, settings)
    return StudyPlan(folds=folds, groups=groups)


def band_names(cohort: Cohort) -> tuple[str, ...]:
    """Bands that the features hold, in their order."""
    return bands_of(cohort.feature_names)


def participants_by_place(cohort: Cohort) -> dict[PlaceKey, frozenset[str]]:
    """Region and side -> participants with units there; units of unknown region lie nowhere."""
    found: dict[PlaceKey, set[str]] = {}
    for unit in cohort.unit_infos():
        if unit.region is not None:
            found.setdefault((unit.region, unit.hemisphere), set()).add(unit.participant)
    ordered = sorted(found, key=lambda place: (place[0], place[1] or ""))
    return {place: frozenset(found[place]) for place in ordered}


def home_group(model: str, place: PlaceKey) -> str:
    """Name of the group of fits that are trained at one place."""
    return f"home/{model}/{place_name(*place)}"


def _within_fits(cohort: Cohort, settings: StudySettings, model: str) -> tuple[FitSpec, ...]:
    everybody = cohort.participants
    return tuple(
        FitSpec(
            protocol="within-session",
            model=model,
            fold=fold,
            train=everybody,
            test=everybody,
            predictor=settings.signal.predictor,
            full=True,
        )
        for fold in range(settings.validation.within.folds or 1)
    )


def _fold_fits(folds: Sequence[Fold], settings: StudySettings, model: str, **extra: object) -> tuple[FitSpec, ...]:
    fixed = {"protocol": "unseen-participant", "model": model, "predictor": settings.signal.predictor} | extra
    return tuple(
        FitSpec(fold=fold.index, train=fold.train, test=fold.held_out, **fixed)  # type: ignore[arg-type]
        for fold in folds
    )


def _control_fits(folds: Sequence[Fold], cohort: Cohort, settings: StudySettings) -> dict[str, tuple[FitSpec, ...]]:
    groups: dict[str, tuple[FitSpec, ...]] = {}
    if settings.controls.own_wire and settings.signal.predictor != "own":
        groups["own/logistic"] = _fold_fits(folds, settings, LOGISTIC, predictor="own")
        if LOGISTIC not in settings.scored_models():
            groups[f"compared/{LOGISTIC}"] = _fold_fits(folds, settings, LOGISTIC)
    types = set(cohort.cell_types.values())
    if settings.controls.thin_to_matched and {"excitatory", "inhibitory"} <= types:
        for draw in range(settings.controls.thin_draws):
            groups[f"thin/{draw}"] = _fold_fits(folds, settings, LOGISTIC, thinning_draw=draw)
    return groups


def _lobo_fits(folds: Sequence[Fold], cohort: Cohort, settings: StudySettings) -> dict[str, tuple[FitSpec, ...]]:
    """Without each band; where bands are ablated in trained models instead, only what those are compared with."""
    bands = band_names(cohort)
    if settings.lobo.mode == "off" or len(bands) < 2:
        return {}
    ablates = settings.lobo.mode == "ablate"
    groups: dict[str, tuple[FitSpec, ...]] = {}
    for model in settings.lobo_models():
        if wide_columns(cohort.feature_names) and not reads_raw(model):
            groups[f"bands/{model}"] = _fold_fits(folds, settings, model, bands_only=True, full=ablates)
        for band in () if ablates else bands:
            groups[f"drop/{model}/{band}"] = _fold_fits(folds, settings, model, dropped_band=band)
            if settings.lobo.only:
                groups[f"only/{model}/{band}"] = _fold_fits(folds, settings, model, only_band=band)
    return groups


def _transfer_fits(folds: Sequence[Fold], cohort: Cohort, settings: StudySettings) -> dict[str, tuple[FitSpec, ...]]:
    """Trained at the transfer's place; beside it, trained at each place that enough participants have units at."""
    model, train = settings.model.name, settings.transfer.train
    places = participants_by_place(cohort)
    if not any(region == train.region and train.hemisphere in (None, side) for region, side in places):
        return {}
    groups = {
        f"transfer/{model}": _fold_fits(
            folds, settings, model, train_region=train.region, train_hemisphere=train.hemisphere
        )
    }
    for (region, side), people in places.items():
        if len(people) >= MIN_HOME_PARTICIPANTS:
            tested = [fold for fold in folds if people & set(fold.held_out) and people & set(fold.train)]
            groups[home_group(model, (region, side))] = _fold_fits(
                tested, settings, model, train_region=region, train_hemisphere=side
            )
    return groups


def judged_lobo_model(settings: StudySettings) -> str:
    """The model whose band effects the verdicts rest on: the main one, or the baseline if only that was examined."""
    models = settings.lobo_models()
    return models[0] if models and settings.model.name not in models else settings.model.name
