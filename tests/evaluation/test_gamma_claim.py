"""H4: when gamma activity drives the predictions."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from nwb_spikeinference.bands import Band
from tests.evaluation.conftest import judge


def test_gamma_that_costs_more_than_its_neighbours_drives(planted: SimpleNamespace) -> None:
    found = judge(planted.make_rows(lobo_drop=planted.per_band(low_gamma=0.03, beta=0.01)), planted.context)["H4"]
    assert found.verdict == "supported"
    assert found.effect == pytest.approx(0.03, abs=0.005)


def test_gamma_as_part_of_a_broad_band_drive_is_not_supported(planted: SimpleNamespace) -> None:
    rows = planted.make_rows(
        lobo_drop=planted.per_band(beta=0.02, low_gamma=0.015, high_gamma=0.01, high_frequency=0.005)
    )
    found = judge(rows, planted.context)["H4"]
    assert found.verdict == "not-supported"
    assert "beyond beta" in found.reason


def test_a_neighbour_of_unknown_cost_leaves_gamma_open(planted: SimpleNamespace) -> None:
    spread = planted.make_rows(
        lobo_drop=lambda row: {
            **planted.per_band(low_gamma=0.03)(row),
            "high_gamma": 0.0,
            "beta": 0.035 + 0.2 * (int(row.participant[1:]) - 5.5) / 12,
        }
    )
    found = judge(spread, planted.context)["H4"]
    assert found.verdict == "inconclusive"
    assert "-0.003 beyond beta" in found.reason


@pytest.mark.parametrize(("error", "verdict"), [(0.010, "supported"), (0.0115, "inconclusive")])
@pytest.mark.parametrize("beside", ["beta", "high_frequency"])
def test_gamma_costs_more_than_a_neighbour_if_the_ninety_percent_interval_lies_above_zero(
    planted: SimpleNamespace, beside: str, error: float, verdict: str
) -> None:
    excess = planted.spread(0.02, error)
    rows = planted.make_rows(
        lobo_drop=lambda row: {"low_gamma": 0.1, "beta": 0.0, "high_frequency": 0.0, beside: 0.1 - excess(row)}
    )
    assert judge(rows, planted.context)["H4"].verdict == verdict


def test_gamma_without_a_cost_is_not_supported(planted: SimpleNamespace) -> None:
    assert judge(planted.make_rows(lobo_drop=planted.per_band()), planted.context)["H4"].verdict == "not-supported"


def test_gamma_that_costs_as_much_as_its_neighbour_is_not_supported(planted: SimpleNamespace) -> None:
    rows = planted.make_rows(lobo_drop=lambda row: {"low_gamma": 0.03, "beta": 0.03, "high_frequency": 0.0})
    assert judge(rows, planted.context)["H4"].verdict == "not-supported"


def test_a_neighbour_that_costs_a_little_less_leaves_gamma_open(planted: SimpleNamespace) -> None:
    excess = planted.spread(0.005, 0.006)
    rows = planted.make_rows(
        lobo_drop=lambda row: {"low_gamma": 0.1, "beta": 0.1 - excess(row), "high_frequency": 0.03}
    )
    found = judge(rows, planted.context)["H4"]
    assert found.verdict == "inconclusive"
    assert "(+0.005 beyond beta, +0.070 beyond high_frequency); high_gamma left out: 0 participants" in found.reason


def test_gamma_that_was_never_left_out_is_inconclusive(planted: SimpleNamespace) -> None:
    found = judge(planted.make_rows(), planted.context)["H4"]
    assert (found.verdict, found.reason) == ("inconclusive", "low_gamma left out: 0 participants, 5 needed")


def test_gamma_is_judged_from_five_participants(planted: SimpleNamespace) -> None:
    rows = planted.make_rows(5, lobo_drop=planted.per_band(low_gamma=0.05))
    assert judge(rows, planted.context)["H4"].verdict == "supported"


def test_gamma_is_compared_with_the_nearest_band_on_either_side_only(planted: SimpleNamespace) -> None:
    edges = {"slow": 1, "beta": 13, "gamma": 30, "fast": 60, "faster": 80}
    context = replace(
        planted.context, bands=tuple(Band(name=name, low_hz=low, high_hz=low + 10) for name, low in edges.items())
    )
    rows = planted.make_rows(lobo_drop=lambda row: {**dict.fromkeys(edges, 0.05), "gamma": 0.1})
    assert "(+0.050 beyond beta, +0.050 beyond fast)" in judge(rows, context)["H4"].reason


def test_a_band_that_starts_where_gamma_does_is_not_beside_it(planted: SimpleNamespace) -> None:
    context = replace(
        planted.context, bands=(Band(name="gamma", low_hz=30, high_hz=55), Band(name="broad", low_hz=30, high_hz=90))
    )
    rows = planted.make_rows(lobo_drop=planted.per_band(gamma=0.03))
    assert judge(rows, context)["H4"].reason == "there is no band beside gamma to compare with"


def test_two_gamma_bands_need_not_beat_each_other(planted: SimpleNamespace) -> None:
    rows = planted.make_rows(lobo_drop=planted.per_band(low_gamma=0.03, high_gamma=0.03))
    assert judge(rows, planted.context)["H4"].verdict == "supported"


def test_a_study_without_a_gamma_band_cannot_judge_gamma(planted: SimpleNamespace) -> None:
    context = replace(planted.context, bands=(Band(name="slow", low_hz=1, high_hz=30),))
    found = judge(planted.make_rows(lobo_drop=planted.per_band(low_gamma=0.03)), context)["H4"]
    assert (found.verdict, found.reason) == ("inconclusive", "no band of this study is named gamma")
