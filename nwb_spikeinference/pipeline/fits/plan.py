"""
The plan of a study: which trainings it consists of.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from nwb_spikeinference.config import ControlSettings, Predictor, StudySettings
from nwb_spikeinference.evaluation.splits import Fold, FoldPlan, participant_folds
from nwb_spikeinference.model_kinds import LOGISTIC, MODEL_KINDS
from nwb_spikeinference.pipeline.fits.cohort import Cohort
from nwb_spikeinference.pipeline.fits.fit_spec import FitSpec
from nwb_spikeinference.pipeline.fits.group import FitGroup, PlaceKey
from nwb_spikeinference.signal.features import bands_of, wide_columns

MIN_HOME_PARTICIPANTS = 3  # with units at a place, without which no model is trained there alone
Groups = dict[FitGroup, tuple[FitSpec, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyPlan:
    """Folds, and groups of trainings with one per fold."""

    folds: FoldPlan
    groups: Mapping[FitGroup, tuple[FitSpec, ...]]

    def specs(self) -> Iterator[FitSpec]:
        """All trainings, each once, in the order in which they are done."""
        yield from dict.fromkeys(spec for group in self.groups.values() for spec in group)


def make_plan(cohort: Cohort, settings: StudySettings) -> StudyPlan:
    """Plan every protocol that the cohort is large enough for."""
    folds = participant_folds(cohort.unit_infos(), settings.validation.folds, settings.seed)
    predictor, models = settings.signal.predictor, settings.scored_models()
    n_within = settings.validation.within.folds or 1
    groups: Groups = {}
    for model in models:
        group = FitGroup(purpose="score", model=model, protocol="within-session")
        groups[group] = _within_fits(cohort, n_within, predictor, model)
    if folds.folds:
        for model in models:
            group = FitGroup(purpose="score", model=model)
            groups[group] = _fold_fits(folds.folds, predictor, model, full=True)
        groups |= _control_fits(folds.folds, cohort, settings.controls, predictor, models)
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


def _within_fits(cohort: Cohort, n_folds: int, predictor: Predictor, model: str) -> tuple[FitSpec, ...]:
    everybody = cohort.participants
    return tuple(
        FitSpec(
            protocol="within-session",
            model=model,
            fold=fold,
            train=everybody,
            test=everybody,
            predictor=predictor,
            full=True,
        )
        for fold in range(n_folds)
    )


def _fold_fits(folds: Sequence[Fold], predictor: Predictor, model: str, **extra: object) -> tuple[FitSpec, ...]:
    fixed = {"protocol": "unseen-participant", "model": model, "predictor": predictor} | extra
    return tuple(
        FitSpec(fold=fold.index, train=fold.train, test=fold.held_out, **fixed)  # type: ignore[arg-type]
        for fold in folds
    )


def _control_fits(
    folds: Sequence[Fold], cohort: Cohort, controls: ControlSettings, predictor: Predictor, models: Sequence[str]
) -> Groups:
    groups: Groups = {}
    if controls.own_wire and predictor != "own":
        groups[FitGroup(purpose="own-wire", model=LOGISTIC)] = _fold_fits(folds, "own", LOGISTIC)
        if LOGISTIC not in models:
            groups[FitGroup(purpose="compare", model=LOGISTIC)] = _fold_fits(folds, predictor, LOGISTIC)
    if controls.thin_to_matched and {"excitatory", "inhibitory"} <= set(cohort.cell_types.values()):
        for draw in range(controls.thin_draws):
            group = FitGroup(purpose="thinned", model=LOGISTIC, draw=draw)
            groups[group] = _fold_fits(folds, predictor, LOGISTIC, thinning_draw=draw)
    return groups


def _lobo_fits(folds: Sequence[Fold], cohort: Cohort, settings: StudySettings) -> Groups:
    """Without each band; where bands are ablated in trained models instead, only what those are compared with."""
    bands, predictor = band_names(cohort), settings.signal.predictor
    if settings.lobo.mode == "off" or len(bands) < 2:
        return {}
    ablates = settings.lobo.mode == "ablate"
    groups: Groups = {}
    for model in settings.lobo_models():
        if wide_columns(cohort.feature_names) and not MODEL_KINDS[model].reads_trace:
            group = FitGroup(purpose="all-bands", model=model)
            groups[group] = _fold_fits(folds, predictor, model, bands_only=True, full=ablates)
        for band in () if ablates else bands:
            group = FitGroup(purpose="without-band", model=model, band=band)
            groups[group] = _fold_fits(folds, predictor, model, dropped_band=band)
            if settings.lobo.only:
                group = FitGroup(purpose="band-alone", model=model, band=band)
                groups[group] = _fold_fits(folds, predictor, model, only_band=band)
    return groups


def _transfer_fits(folds: Sequence[Fold], cohort: Cohort, settings: StudySettings) -> Groups:
    """Trained at the transfer's place; beside it, trained at each place that enough participants have units at."""
    model, train, predictor = settings.model.name, settings.transfer.train, settings.signal.predictor
    places = participants_by_place(cohort)
    if not any(region == train.region and train.hemisphere in (None, side) for region, side in places):
        return {}
    fits = _fold_fits(folds, predictor, model, train_region=train.region, train_hemisphere=train.hemisphere)
    groups = {FitGroup(purpose="transfer", model=model): fits}
    for (region, side), people in places.items():
        if len(people) >= MIN_HOME_PARTICIPANTS:
            tested = [fold for fold in folds if people & set(fold.held_out) and people & set(fold.train)]
            group = FitGroup(purpose="home", model=model, place=(region, side))
            groups[group] = _fold_fits(tested, predictor, model, train_region=region, train_hemisphere=side)
    return groups


def judged_lobo_model(settings: StudySettings) -> str:
    """The model whose band effects the verdicts rest on: the main one, or the baseline if only that was examined."""
    models = settings.lobo_models()
    return models[0] if models and settings.model.name not in models else settings.model.name
