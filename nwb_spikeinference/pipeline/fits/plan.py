"""
The plan of a study: which trainings it consists of.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from nwb_spikeinference.config import Predictor, StudySettings
from nwb_spikeinference.evaluation.splits import Fold, FoldPlan, participant_folds
from nwb_spikeinference.model_kinds import LOGISTIC, MODEL_KINDS
from nwb_spikeinference.pipeline.fits.cohort import Cohort
from nwb_spikeinference.pipeline.fits.fit_spec import FitSpec
from nwb_spikeinference.pipeline.fits.group import FitGroup, PlaceKey
from nwb_spikeinference.signal.features import bands_of, wide_columns

MIN_HOME_PARTICIPANTS = 3  # with units at a place, without which no model is trained there alone


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
    models = settings.scored_models()
    within = [FitGroup(purpose="score", model=model, protocol="within-session") for model in models]
    groups = {group: _within_fits(group, cohort, settings) for group in within}
    if folds.folds:
        scored = [FitGroup(purpose="score", model=model) for model in models]
        wanted = (*scored, *_control_groups(cohort, settings), *_lobo_groups(cohort, settings))
        groups |= {group: tuple(_fit(group, fold, settings) for fold in folds.folds) for group in wanted}
        places = participants_by_place(cohort)
        for group in _transfer_groups(places, settings):
            people = places[group.place] if group.place else None
            groups[group] = tuple(_fit(group, fold, settings) for fold in folds.folds if _tests(fold, people))
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


def _control_groups(cohort: Cohort, settings: StudySettings) -> Iterator[FitGroup]:
    controls = settings.controls
    if controls.own_wire and settings.signal.predictor != "own":
        yield FitGroup(purpose="own-wire", model=LOGISTIC)
        if LOGISTIC not in settings.scored_models():
            yield FitGroup(purpose="compare", model=LOGISTIC)
    if controls.thin_to_matched and {"excitatory", "inhibitory"} <= set(cohort.cell_types.values()):
        for draw in range(controls.thin_draws):
            yield FitGroup(purpose="thinned", model=LOGISTIC, draw=draw)


def _lobo_groups(cohort: Cohort, settings: StudySettings) -> Iterator[FitGroup]:
    """Without each band; where bands are ablated in trained models instead, only what those are compared with."""
    bands = band_names(cohort)
    if settings.lobo.mode == "off" or len(bands) < 2:
        return
    for model in settings.lobo_models():
        if wide_columns(cohort.feature_names) and not MODEL_KINDS[model].reads_trace:
            yield FitGroup(purpose="all-bands", model=model)
        for band in bands if settings.lobo.mode == "retrain" else ():
            yield FitGroup(purpose="without-band", model=model, band=band)
            if settings.lobo.only:
                yield FitGroup(purpose="band-alone", model=model, band=band)


def _transfer_groups(places: Mapping[PlaceKey, frozenset[str]], settings: StudySettings) -> Iterator[FitGroup]:
    """Trained at the transfer's place; beside it, trained at each place that enough participants have units at."""
    model, train = settings.model.name, settings.transfer.train
    if not any(region == train.region and train.hemisphere in (None, side) for region, side in places):
        return
    yield FitGroup(purpose="transfer", model=model)
    for place, people in places.items():
        if len(people) >= MIN_HOME_PARTICIPANTS:
            yield FitGroup(purpose="home", model=model, place=place)


def _tests(fold: Fold, people: frozenset[str] | None) -> bool:
    """Whether a fold has some of these people on either side."""
    return people is None or bool(people & set(fold.held_out) and people & set(fold.train))


def _within_fits(group: FitGroup, cohort: Cohort, settings: StudySettings) -> tuple[FitSpec, ...]:
    everybody, predictor = cohort.participants, settings.signal.predictor
    return tuple(
        FitSpec(
            protocol=group.protocol,
            model=group.model,
            fold=fold,
            train=everybody,
            test=everybody,
            predictor=predictor,
            full=True,
        )
        for fold in range(settings.validation.within.folds or 1)
    )


def _fit(group: FitGroup, fold: Fold, settings: StudySettings) -> FitSpec:
    """The training of one fold of a group."""
    predictor: Predictor = "own" if group.purpose == "own-wire" else settings.signal.predictor
    train = settings.transfer.train
    region, side = (train.region, train.hemisphere) if group.purpose == "transfer" else group.place or (None, None)
    ablates = settings.lobo.mode == "ablate"
    return FitSpec(
        protocol=group.protocol,
        model=group.model,
        fold=fold.index,
        train=fold.train,
        test=fold.held_out,
        predictor=predictor,
        dropped_band=group.band if group.purpose == "without-band" else None,
        only_band=group.band if group.purpose == "band-alone" else None,
        bands_only=group.purpose == "all-bands",
        train_region=region,
        train_hemisphere=side,
        thinning_draw=group.draw,
        full=group.purpose == "score" or (group.purpose == "all-bands" and ablates),
    )


def judged_lobo_model(settings: StudySettings) -> str:
    """The model whose band effects the verdicts rest on: the main one, or the baseline if only that was examined."""
    models = settings.lobo_models()
    return models[0] if models and settings.model.name not in models else settings.model.name
