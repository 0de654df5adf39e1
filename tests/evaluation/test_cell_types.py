import numpy as np

from nwb_spikeinference.evaluation.putative_types import classify_widths


def planted(n_wide: int, n_narrow: int) -> tuple[list[float], list[str]]:
    rng = np.random.default_rng(0)
    widths = [*rng.normal(0.65, 0.06, n_wide), *rng.normal(0.28, 0.03, n_narrow)]
    return [float(width) for width in widths], ["excitatory"] * n_wide + ["inhibitory"] * n_narrow


def test_planted_groups_are_found() -> None:
    widths, truth = planted(60, 25)
    found = classify_widths(widths, seed=0)
    assert found.method == "mixture"
    assert list(found.types) == truth


def test_a_width_between_the_groups_is_unclassified() -> None:
    widths, _ = planted(60, 25)
    between = np.linspace(0.35, 0.55, 81)
    found = classify_widths([*widths, *between], seed=0)
    posterior = np.array(
        [found.inhibitory_probability[len(widths) + index] for index in range(between.size)], dtype=float
    )
    uncertain = (posterior >= 0.2) & (posterior <= 0.8)
    assert uncertain.any()
    assert [one == "unclassified" for one in found.types[len(widths) :]] == uncertain.tolist()


def test_the_posterior_falls_with_the_width() -> None:
    widths, _ = planted(60, 25)
    order = np.argsort(widths)
    posterior = np.array(classify_widths(widths, seed=0).inhibitory_probability, dtype=float)[order]
    assert (np.diff(posterior) <= 1e-12).all()


def test_few_units_fall_back_to_the_threshold() -> None:
    found = classify_widths([0.3, 0.49, 0.5, 0.7], seed=0)
    assert (found.method, found.types) == ("threshold", ("inhibitory", "inhibitory", "excitatory", "excitatory"))
    assert found.inhibitory_probability == (None,) * 4


def test_one_group_falls_back_to_the_threshold() -> None:
    widths = [float(width) for width in np.random.default_rng(1).normal(0.6, 0.08, 80)]
    assert classify_widths(widths, seed=0).method == "threshold"


def test_two_groups_that_are_both_wide_fall_back_to_the_threshold() -> None:
    rng = np.random.default_rng(2)
    widths = [float(width) for width in (*rng.normal(0.6, 0.02, 30), *rng.normal(0.9, 0.02, 30))]
    found = classify_widths(widths, seed=0)
    assert set(found.types) == {"excitatory"}


def test_equal_widths_fall_back_to_the_threshold() -> None:
    assert classify_widths([0.4] * 30, seed=0).method == "threshold"


def test_a_unit_without_a_width_is_unclassified() -> None:
    widths, _ = planted(60, 25)
    found = classify_widths([None, *widths], seed=0)
    assert (found.types[0], found.inhibitory_probability[0]) == ("unclassified", None)


def test_no_units_have_no_types() -> None:
    assert classify_widths([], seed=0).types == ()
