"""
Which trainings a study consists of.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from nwb_spikeinference.config import StudySettings
from nwb_spikeinference.evaluation.splits import FoldPlan, participant_folds
from nwb_spikeinference.pipeline.cohort import Cohort
from nwb_spikeinference.pipeline.fit_spec import FitSpec
from nwb_spikeinference.signal.features import wide_columns

LOGISTIC = "logistic"


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyPlan:
    """
    Folds and trainings.

    Attributes
    ----------
    groups : mapping
        Name of a group of fits, one per fold -> the fits. Groups are ``unseen/<model>``, ``within/<model>``,
        ``own/logistic``, ``compared/logistic`` (its counterpart, if that is no baseline), ``drop/<model>/<band>``,
        ``only/<model>/<band>``, ``bands/<model>`` (what the drops are compared with, where the features hold more than
        bands), ``transfer/<model>`` and ``thin/<draw>``.
    """

    folds: FoldPlan
    groups: Mapping[str, tuple[FitSpec, ...]]

    def specs(self) -> Iterator[FitSpec]:
        """All trainings, in the order in which they are done."""
        for group in self.groups.values():
            yield from group


def make_plan(cohort: Cohort, settings: StudySettings) -> StudyPlan:
    """Plan every protocol that the cohort is large enough for."""
    folds = participant_folds(cohort.unit_infos(), settings.validation.folds, settings.seed)
    groups: dict[str, tuple[FitSpec, ...]] = {}
    models = (settings.model.name, *settings.baselines)
    for model in models:
        groups[f"within/{model}"] = _within_fits(cohort, settings, model)
    if folds.folds:
        for model in models:
            groups[f"unseen/{model}"] = _fold_fits(folds, settings, model, full=True)
        groups |= _control_fits(folds, cohort, settings)
        groups |= _lobo_fits(folds, cohort, settings)
        place = settings.transfer.train
        groups[f"transfer/{settings.model.name}"] = _fold_fits(
            folds, settings, settings.model.name, train_region=place.region, train_hemisphere=place.hemisphere
        )
    return StudyPlan(folds=folds, groups=groups)


def band_names(cohort: Cohort) -> tuple[str, ...]:
    """Bands that the features hold, in their order."""
    wide = wide_columns(cohort.feature_names)
    of_bands = (name for column, name in enumerate(cohort.feature_names) if column not in wide)
    return tuple(dict.fromkeys(name.rpartition(":")[0] for name in of_bands))


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


def _fold_fits(folds: FoldPlan, settings: StudySettings, model: str, **extra: object) -> tuple[FitSpec, ...]:
    fixed = {"protocol": "unseen-participant", "model": model, "predictor": settings.signal.predictor} | extra
    return tuple(
        FitSpec(fold=fold.index, train=fold.train, test=fold.held_out, **fixed)  # type: ignore[arg-type]
        for fold in folds.folds
    )


def _control_fits(folds: FoldPlan, cohort: Cohort, settings: StudySettings) -> dict[str, tuple[FitSpec, ...]]:
    groups: dict[str, tuple[FitSpec, ...]] = {}
    if settings.controls.own_wire and settings.signal.predictor != "own":
        groups["own/logistic"] = _fold_fits(folds, settings, LOGISTIC, predictor="own")
        if LOGISTIC not in settings.baselines:
            groups[f"compared/{LOGISTIC}"] = _fold_fits(folds, settings, LOGISTIC)
    types = set(cohort.cell_types.values())
    if settings.controls.thin_to_matched and {"excitatory", "inhibitory"} <= types:
        for draw in range(settings.controls.thin_draws):
            groups[f"thin/{draw}"] = _fold_fits(folds, settings, LOGISTIC, thinning_draw=draw)
    return groups


def _lobo_fits(folds: FoldPlan, cohort: Cohort, settings: StudySettings) -> dict[str, tuple[FitSpec, ...]]:
    bands = band_names(cohort)
    if settings.lobo.mode == "off" or len(bands) < 2:
        return {}
    groups: dict[str, tuple[FitSpec, ...]] = {}
    for model in lobo_models(settings):
        if wide_columns(cohort.feature_names):
            groups[f"bands/{model}"] = _fold_fits(folds, settings, model, bands_only=True)
        for band in bands:
            groups[f"drop/{model}/{band}"] = _fold_fits(folds, settings, model, dropped_band=band)
            if settings.lobo.only:
                groups[f"only/{model}/{band}"] = _fold_fits(folds, settings, model, only_band=band)
    return groups


def judged_lobo_model(settings: StudySettings) -> str:
    """The model whose band effects the verdicts rest on: the main one, or the baseline if only that was retrained."""
    models = lobo_models(settings)
    return models[0] if models and settings.model.name not in models else settings.model.name


def lobo_models(settings: StudySettings) -> Sequence[str]:
    """Models that are retrained without each band."""
    names = [settings.model.name if name == "main" else name for name in settings.lobo.models]
    return tuple(name for name in names if name == settings.model.name or name in settings.baselines)
