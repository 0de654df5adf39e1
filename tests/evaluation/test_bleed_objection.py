"""What action potentials in the predictor do to verdicts on cell types and gamma."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from nwb_spikeinference.bands import Band
from nwb_spikeinference.evaluation.fingerprint import bleed_fingerprint
from tests.evaluation.conftest import judge, strong_rows


def test_the_neighbour_predictor_lets_cell_types_and_gamma_be_supported(planted: SimpleNamespace) -> None:
    found = judge(strong_rows(planted), planted.context)
    assert (found["H2"].verdict, found["H4"].verdict) == ("supported", "supported")


def test_the_own_wire_as_predictor_confounds_cell_types_and_gamma(planted: SimpleNamespace) -> None:
    found = judge(strong_rows(planted), replace(planted.context, predictor="own"))
    assert (found["H2"].verdict, found["H4"].verdict) == ("confounded", "confounded")
    assert "own wire" in found["H2"].reason


def test_a_confounded_claim_keeps_its_effect_and_its_p(planted: SimpleNamespace) -> None:
    sound = judge(strong_rows(planted), planted.context)["H2"]
    found = judge(strong_rows(planted), replace(planted.context, predictor="own"))["H2"]
    assert found == sound.model_copy(update={"verdict": found.verdict, "reason": found.reason})


def test_a_high_band_that_costs_more_than_gamma_confounds_cell_types(planted: SimpleNamespace) -> None:
    found = judge(strong_rows(planted, high_frequency=0.06), planted.context)
    assert found["H2"].verdict == "confounded"
    assert found["H4"].verdict != "supported"


def test_a_high_band_that_alone_beats_all_below_sixty_hertz_confounds(planted: SimpleNamespace) -> None:
    rows = [replace(row, lobo_only={**row.lobo_only, "high_frequency": 0.2}) for row in strong_rows(planted)]
    assert judge(rows, planted.context)["H2"].verdict == "confounded"


@pytest.mark.parametrize(("error", "confounded"), [(0.0010, True), (0.00115, False)])
@pytest.mark.parametrize("comparison", ["lobo_drop", "lobo_only"])
def test_a_high_band_counts_as_above_another_if_the_ninety_percent_interval_does(
    planted: SimpleNamespace, comparison: str, error: float, confounded: bool
) -> None:
    excess = planted.spread(0.002, error)
    lower = dict.fromkeys((band.name for band in planted.context.bands), 0.01)
    rows = planted.make_rows(**{comparison: lambda row: {**lower, "high_frequency": 0.01 + excess(row)}})
    assert (bleed_fingerprint(rows, planted.context) is not None) == confounded


@pytest.mark.parametrize(("low_hz", "is_high"), [(99, False), (100, True)])
def test_bands_from_100_hz_on_may_carry_action_potentials(
    planted: SimpleNamespace, low_hz: float, is_high: bool
) -> None:
    bands = (Band(name="gamma", low_hz=30, high_hz=55), Band(name="fast", low_hz=low_hz, high_hz=170))
    rows = planted.make_rows(lobo_drop=lambda row: {"gamma": 0.0, "fast": 0.05})
    assert (bleed_fingerprint(rows, replace(planted.context, bands=bands)) is not None) == is_high


@pytest.mark.parametrize(("high_hz", "is_field"), [(60, True), (61, False)])
def test_bands_up_to_60_hz_are_field(planted: SimpleNamespace, high_hz: float, is_field: bool) -> None:
    bands = (Band(name="slow", low_hz=30, high_hz=high_hz), Band(name="fast", low_hz=125, high_hz=175))
    rows = planted.make_rows(lobo_only=lambda row: {"slow": 0.0, "fast": 0.05})
    assert (bleed_fingerprint(rows, replace(planted.context, bands=bands)) is not None) == is_field


@pytest.mark.parametrize("name", ["low_gamma", "Gamma"])
def test_the_guard_finds_gamma_by_whatever_name(planted: SimpleNamespace, name: str) -> None:
    bands = (
        Band(name="beta", low_hz=13, high_hz=30),
        Band(name=name, low_hz=30, high_hz=55),
        Band(name="ripple", low_hz=125, high_hz=175),
    )
    drops = {"beta": 0.0, name: 0.03, "ripple": 0.06}
    rows = planted.make_rows(
        roc_auc=planted.by_type(0.60, 0.66, 1),
        thinned_roc_auc=planted.by_type(0.60, 0.65, 2),
        lobo_drop=lambda row: {band: planted.noisy(mean, 9)(row) for band, mean in drops.items()},
    )
    found = judge(rows, replace(planted.context, bands=bands))["H2"]
    assert found.verdict == "confounded"
    assert f"dropping ripple costs more than dropping {name}" in found.reason


@pytest.mark.parametrize(
    "missing", [{"lobo_drop": {}, "lobo_only": {}}, {"lobo_drop": {"beta": 0.01}, "lobo_only": {"beta": 0.01}}]
)
def test_cell_types_are_inconclusive_where_bands_were_not_compared(
    planted: SimpleNamespace, missing: dict[str, dict[str, float]]
) -> None:
    found = judge([replace(row, **missing) for row in strong_rows(planted)], planted.context)["H2"]
    assert found.verdict == "inconclusive"
    assert "leak into the predictor was not checked: it needs lobo.mode: retrain" in found.reason


def test_a_study_without_a_band_above_100_hz_supports_neither_cell_types_nor_gamma(planted: SimpleNamespace) -> None:
    context = replace(planted.context, bands=planted.context.bands[:-1])
    found = judge(strong_rows(planted), context)
    assert (found["H2"].verdict, found["H4"].verdict) == ("inconclusive", "inconclusive")
    assert all("but whether action potentials leak" in found[name].reason for name in ("H2", "H4"))


@pytest.mark.parametrize("kept", ["lobo_drop", "lobo_only"])
def test_either_comparison_of_bands_is_a_check(planted: SimpleNamespace, kept: str) -> None:
    dropped = {"lobo_drop": "lobo_only", "lobo_only": "lobo_drop"}[kept]
    rows = [replace(row, **{dropped: {}}) for row in strong_rows(planted)]  # type: ignore[arg-type]
    assert judge(rows, planted.context)["H2"].verdict == "supported"
