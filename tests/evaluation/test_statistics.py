import numpy as np
import pytest
from scipy.stats import t as student_t
from scipy.stats import ttest_1samp

from nwb_spikeinference.errors import SettingsError
from nwb_spikeinference.evaluation.statistics import (
    Interval,
    benjamini_hochberg,
    bootstrap_difference,
    bootstrap_mean,
    bootstrap_weights,
    holm,
    is_equivalent,
    lie_below_zero,
    p_greater,
    p_less,
    p_two_sided,
)


def interval_of(draws: list[float]) -> Interval:
    numbers = np.array(draws)
    return Interval(
        mean=float(numbers.mean()),
        low=float(numbers[0]),
        high=float(numbers[-1]),
        n_units=9,
        n_participants=9,
        draws=numbers,
    )


def test_drawn_participants_keep_their_number_of_units() -> None:
    participants = ["A"] * 3 + ["B"] * 5
    weights = bootstrap_weights(participants, np.random.default_rng(0), 500)
    copies = np.column_stack([weights[:, :3].sum(axis=1) / 3, weights[:, 3:].sum(axis=1) / 5])
    np.testing.assert_array_equal(copies, np.round(copies))
    np.testing.assert_array_equal(copies.sum(axis=1), 2)


def test_drawn_participants_keep_their_number_of_units_per_group() -> None:
    weights = bootstrap_weights(list("AAAABBB"), np.random.default_rng(0), 400, groups=list("xxxyxyy"))
    cells = [weights[:, start:stop].sum(axis=1) / (stop - start) for start, stop in ((0, 3), (3, 4), (4, 5), (5, 7))]
    np.testing.assert_array_equal(cells[0], cells[1])
    np.testing.assert_array_equal(cells[2], cells[3])
    np.testing.assert_array_equal(cells[0] + cells[2], 2)
    assert (weights >= 0).all()
    assert np.any(weights[:, 0] != weights[:, 1])  # units are redrawn within a cell


def test_an_interval_says_what_it_rests_on() -> None:
    interval = bootstrap_mean([0.1, 0.2, 0.4, 0.5], list("AABC"), np.random.default_rng(0), 250)
    assert (interval.mean, interval.n_units, interval.n_participants) == (pytest.approx(0.3), 4, 3)
    assert len(interval.draws) == 250
    assert (np.diff(interval.draws) >= 0).all()


def test_bounds_leave_out_half_of_the_rest_at_either_end() -> None:
    assert interval_of(list(np.linspace(0, 1, 101))).bounds(0.9) == pytest.approx((0.05, 0.95))


def test_equal_values_have_an_interval_without_width() -> None:
    interval = bootstrap_mean([0.6] * 4, ["A", "A", "B", "C"], np.random.default_rng(0))
    assert (interval.low, interval.high) == pytest.approx((0.6, 0.6))


@pytest.mark.parametrize("n_participants", [3, 12, 40])
def test_an_interval_over_participants_is_no_narrower_than_that_of_a_t_test(n_participants: int) -> None:
    rng = np.random.default_rng(1)
    values = rng.standard_normal(n_participants)
    interval = bootstrap_mean(values, [str(person) for person in range(n_participants)], rng, 20000)
    low, high = ttest_1samp(values, 0).confidence_interval()
    assert interval.low == pytest.approx(low, abs=0.03)
    assert interval.high == pytest.approx(high, abs=0.03)


@pytest.mark.parametrize("paired", [False, True])
def test_twelve_participants_that_differ_reject_a_true_null_no_more_often_than_they_say(paired: bool) -> None:
    rng = np.random.default_rng(8)
    names = [str(person) for person in np.repeat(np.arange(12), 4)]
    first = np.tile([True, True, False, False], 12)
    ps = []
    for _ in range(500):
        values = np.repeat(rng.standard_normal(12), 4) + 0.1 * rng.standard_normal(48)
        if paired:
            values += np.where(first, np.repeat(rng.standard_normal(12), 4), 0.0)
            ps.append(p_two_sided(bootstrap_difference(values, names, first, rng, 300).draws))
        else:
            ps.append(p_two_sided(bootstrap_mean(values, names, rng, 300).draws))
    for level in (0.05, 0.0125):  # the latter is what Holm asks of the first of four
        assert np.mean(np.array(ps) < level) < level + 2 * np.sqrt(level * (1 - level) / 500)


def test_an_interval_over_two_participants_is_that_of_a_t_test_over_two() -> None:
    interval = bootstrap_mean([0.0, 1.0], ["A", "B"], np.random.default_rng(0), 20000)
    assert interval.high == pytest.approx(0.5 + student_t.ppf(0.975, 1) * 0.5, rel=0.01)


def test_one_participant_has_no_spread_between_participants() -> None:
    assert bootstrap_mean([0.6, 0.6], ["A", "A"], np.random.default_rng(0)).high == pytest.approx(0.6)


def test_units_of_one_participant_do_not_narrow_the_interval() -> None:
    means = np.random.default_rng(2).standard_normal(10)
    names = [str(person) for person in range(10)]
    once = bootstrap_mean(means, names, np.random.default_rng(3))
    often = bootstrap_mean(np.repeat(means, 50), list(np.repeat(names, 50)), np.random.default_rng(3))
    assert often.high - often.low == pytest.approx(once.high - once.low, rel=0.1)


@pytest.mark.parametrize(("between", "within"), [(1.0, 1.0), (1.0, 0.1)])
def test_intervals_of_twelve_participants_cover_the_truth_about_as_often_as_they_say(
    between: float, within: float
) -> None:
    rng = np.random.default_rng(4)
    names = [str(person) for person in np.repeat(np.arange(12), 5)]
    covered = 0
    for _ in range(400):
        values = np.repeat(between * rng.standard_normal(12), 5) + within * rng.standard_normal(60)
        interval = bootstrap_mean(values, names, rng, 400)
        covered += interval.low <= 0 <= interval.high
    assert 0.93 <= covered / 400 <= 0.985


def test_one_participant_with_most_units_does_not_narrow_the_interval() -> None:
    names = [*["A"] * 40, *"BBCCDDEE"]
    interval = bootstrap_mean([1.0] * 40 + [0.0] * 8, names, np.random.default_rng(0), 20000)
    moves = [0 - 40 / 48, *[40 / 46 - 40 / 48] * 4]  # of the mean, without A and without each of the others
    error = np.sqrt(4 / 5 * np.sum(np.square(moves)))
    assert interval.high == pytest.approx(40 / 48 + student_t.ppf(0.975, 4) * error, rel=0.01)


@pytest.mark.parametrize("paired", [False, True])
def test_a_participant_with_most_units_seldom_makes_an_effect_of_nothing(paired: bool) -> None:
    rng = np.random.default_rng(9)
    who = np.repeat(np.arange(5), [40, 2, 2, 2, 2])
    names = [str(person) for person in who]
    first = np.arange(who.size) % 2 == 0
    rejected = 0
    for _ in range(300):
        values = 0.03 * rng.standard_normal(5)[who] + 0.02 * rng.standard_normal(who.size)
        if paired:
            values += np.where(first, 0.03 * rng.standard_normal(5)[who], 0.0)
            rejected += p_two_sided(bootstrap_difference(values, names, first, rng, 300).draws) < 0.05
        else:
            rejected += p_two_sided(bootstrap_mean(values, names, rng, 300).draws) < 0.05
    assert rejected / 300 < 0.1  # of 0.05 that are claimed; the jackknife is not exact


def test_a_participant_in_one_group_only_moves_that_group_alone() -> None:
    values = [1.0, 3.0, 2.0, 0.0, 0.0]
    interval = bootstrap_difference(
        values, ["A", "B", "C", "D", "E"], [True, True, True, False, False], np.random.default_rng(0), 20000
    )
    error = np.sqrt(4 / 5 * 2 * 0.5**2)  # without A or B the first group's mean moves by 0.5
    assert interval.high == pytest.approx(2 + student_t.ppf(0.975, 1) * error, rel=0.02)


def test_pairing_participants_removes_what_their_groups_share() -> None:
    rng = np.random.default_rng(5)
    shared = 10 * rng.standard_normal(15)
    values = np.concatenate([shared + 1, shared])
    names = [str(person) for person in range(15)] * 2
    interval = bootstrap_difference(values, names, [True] * 15 + [False] * 15, rng)
    assert (interval.low, interval.high) == pytest.approx((1, 1))


def test_a_draw_without_one_of_the_groups_is_left_out() -> None:
    interval = bootstrap_difference([1.0, 0.0, 0.0], ["A", "B", "C"], [True, False, False], np.random.default_rng(6))
    assert np.isfinite(interval.draws).all()
    assert len(interval.draws) < 2000


def test_groups_of_unequal_size_differ_by_the_difference_of_their_means_in_every_draw() -> None:
    values = [1.0, 1.0, 1.0, 3.0, 1.0, 3.0, 3.0, 1.0, 3.0]
    interval = bootstrap_difference(
        values, list("AAAABBBCC"), [value == 1 for value in values], np.random.default_rng(0), 300
    )
    assert (interval.n_units, interval.n_participants, len(interval.draws)) == (9, 3, 300)
    np.testing.assert_allclose(interval.draws, -2)


def test_an_empty_group_is_refused() -> None:
    with pytest.raises(SettingsError, match="one of the groups is empty"):
        bootstrap_difference([1.0], ["A"], [True], np.random.default_rng(0))


@pytest.mark.parametrize(
    ("values", "participants"),
    [([np.nan, 1.0], ["A", "B"]), ([], []), ([1.0, 2.0], ["A"])],
    ids=["missing", "none", "too many"],
)
def test_values_that_are_not_one_per_unit_are_refused(values: list[float], participants: list[str]) -> None:
    words = f"{len(values)} values for {len(participants)} units; give one finite value per unit"
    with pytest.raises(SettingsError, match=words):
        bootstrap_mean(values, participants, np.random.default_rng(0))


def test_the_same_seed_gives_the_same_interval() -> None:
    values, names = [0.1, 0.4, 0.2], ["A", "B", "C"]
    assert bootstrap_mean(values, names, np.random.default_rng(8)) == bootstrap_mean(
        values, names, np.random.default_rng(8)
    )


def test_p_never_reaches_zero() -> None:
    assert p_greater(np.ones(1999)) == 1 / 2000
    assert p_two_sided(np.ones(1999)) == 2 / 2000


def test_draws_that_equal_the_bound_speak_against_lying_beyond_it() -> None:
    draws = np.array([0.0, 1.0, 2.0, 3.0])
    assert (p_greater(draws), p_greater(draws, 1)) == (2 / 5, 3 / 5)
    assert (p_less(-draws), p_less(draws, 2)) == (2 / 5, 3 / 5)
    assert (p_two_sided(draws), p_two_sided(draws - 3), p_two_sided(draws - 1)) == (4 / 5, 4 / 5, 1.0)


def test_p_of_symmetric_draws_is_one() -> None:
    assert p_two_sided(np.array([-1.0, 1.0])) == 1.0


@pytest.mark.parametrize(
    ("lowest", "highest", "equivalent"),
    [
        (-0.0216, 0.0216, True),  # 95 % of it would reach beyond the margin
        (-0.0224, 0.0200, False),
        (-0.0200, 0.0224, False),
        (-0.0010, 0.0300, False),
        (-0.0300, 0.0010, False),
        (0.0200, 0.0200, False),
        (-0.0200, -0.0200, False),
    ],
)
def test_equivalence_needs_the_ninety_percent_interval_inside_the_margin(
    lowest: float, highest: float, equivalent: bool
) -> None:
    assert is_equivalent(interval_of(list(np.linspace(lowest, highest, 101))), 0.02) == equivalent


def test_holm_on_a_textbook_example() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx((0.03, 0.06, 0.06, 0.02))


def test_holms_p_is_at_most_one_and_a_single_p_stays() -> None:
    assert (holm([0.6, 0.9]), holm([0.2])) == ((1.0, 1.0), (0.2,))


def test_one_mean_of_ten_lies_below_zero_only_if_it_would_survive_ten_tests() -> None:
    doubtful, certain, none = (interval_of([-1.0] * (999 - above) + [0.5] * above) for above in (9, 0, 500))
    assert lie_below_zero([doubtful]) == (True,)
    assert lie_below_zero([doubtful, certain, *[none] * 8]) == (False, True, *[False] * 8)


def test_a_mean_whose_p_is_the_level_does_not_lie_below_zero() -> None:
    interval = interval_of([-1.0] * 195 + [0.5] * 4)
    assert p_two_sided(interval.draws) == 0.05
    assert lie_below_zero([interval]) == (False,)


def test_a_mean_above_zero_does_not_lie_below_it() -> None:
    assert lie_below_zero([interval_of([1.0] * 999)]) == (False,)


def test_benjamini_hochberg_on_a_textbook_example() -> None:
    ps = [0.01, 0.04, 0.03, 0.005]
    assert benjamini_hochberg(ps) == pytest.approx((0.02, 0.04, 0.04, 0.02))


def test_no_p_values_stay_none() -> None:
    assert (holm([]), benjamini_hochberg([])) == ((), ())
