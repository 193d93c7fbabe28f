"""How the peers of a search ask, pay and recommend."""

import numpy as np
import pytest

from benchmarks.efficiency import peer_hyperband, peer_ray
from benchmarks.efficiency.curves import BUDGETS, curves, regrets
from benchmarks.efficiency.own_tables import adapters
from benchmarks.efficiency.peer_dcpt import dcpt_design, suits
from benchmarks.efficiency.plain import grid
from benchmarks.efficiency.problem import Axis, Runs, TableProblem
from benchmarks.efficiency.space import Space
from benchmarks.efficiency.strategies import STRATEGIES, applies
from benchmarks.efficiency.surfaces import dcpt_chemistry


def line(values, *, corpora=("new",), noise=0.0, checkpoints=(10, 100)):
    """Settings on one axis, whose losses at the end are the values, a nat above them before."""
    losses = np.array([[[value + 1.0], [value]] for value in values])
    rates = tuple(10.0**i for i in range(len(values)))
    return TableProblem(
        name="line",
        axes=(Axis("rate", rates, "log"),),
        settings=tuple({"rate": rate} for rate in rates),
        checkpoints=checkpoints,
        corpora=corpora,
        target=corpora[0],
        losses=losses,
        noise=noise,
    )


@pytest.mark.parametrize("name", [name for name in STRATEGIES if name != "dcpt_design"])
def test_a_peer_pays_as_it_goes_and_ends_at_the_best_it_saw(name, monkeypatch):
    for peer in (peer_hyperband, peer_ray):
        monkeypatch.setattr(peer, "ENOUGH", 1.0)
    problem = line([3.0, 2.0, 4.0, 5.0])
    steps = list(STRATEGIES[name](problem, 0))
    spent = [tokens for tokens, _ in steps]
    assert spent == sorted(spent) and 0 < spent[-1] <= problem.grid_tokens
    assert steps[-1][1] == 1
    assert list(STRATEGIES[name](problem, 0)) == steps


def test_the_peers_that_stop_runs_pay_less_than_the_grid():
    problem = adapters()
    for name in ("optuna_asha", "hyperband"):
        stopped = next(STRATEGIES[name](problem, 0))
        assert stopped[0] == problem.checkpoints[0]


def test_optuna_is_asked_for_half_of_the_grid_at_most():
    problem = line([3.0, 2.0, 4.0, 5.0, 6.0, 1.0])
    *_, (spent, _) = peer_hyperband.hyperband(problem, 0)
    assert spent < 0.5 * problem.grid_tokens + problem.max_tokens


def test_the_grid_visits_each_setting_once_in_an_order_of_its_seed():
    problem = line([3.0, 2.0, 4.0, 5.0, 6.0, 1.0])
    assert [spent for spent, _ in grid(problem, 1)] == [100, 200, 300, 400, 500, 600]
    assert len({next(grid(problem, seed))[1] for seed in range(20)}) > 1


def test_the_fixed_design_finds_the_optimum_of_its_own_law_without_training_it():
    problem = dcpt_chemistry()
    *_, (spent, best) = dcpt_design(problem, 0)
    assert problem.regret(best) < 0.002
    assert spent < 0.16 * problem.grid_tokens
    assert suits(problem) and not suits(line([1.0, 2.0]))
    assert not applies("dcpt_design", line([1.0, 2.0])) and applies("grid", line([1.0, 2.0]))


def test_regret_is_read_where_the_budget_allows_and_is_the_mean_before():
    problem = line([2.0, 3.0, 4.0, 2.5])

    def fixed(problem, seed):
        yield from [(40, 2), (80, 1), (400, 0), (404, 2)]

    expected = {0.1: 1.0, 0.15: 1.0, 0.2: 0.5, 0.3: 0.5, 0.5: 0.5, 1.0: 0.0}
    seen = dict(zip(BUDGETS, regrets(problem, fixed, 0), strict=True))
    assert seen[0.07] == pytest.approx(11.5 / 4 / 2 - 1)
    assert {b: seen[b] for b in expected} == pytest.approx(expected)


def test_kept_curves_are_not_made_again_unless_the_problem_changed(tmp_path):
    made = []

    def noted(problem, seed):
        made.append(seed)
        yield 100, 0

    first = curves(line([2.0, 3.0]), "noted", noted, [0, 1], tmp_path)
    assert np.array_equal(curves(line([2.0, 3.0]), "noted", noted, [0, 1, 2], tmp_path)[:2], first)
    assert made == [0, 1, 2]
    curves(line([2.0, 3.5]), "noted", noted, [0], tmp_path)
    assert made == [0, 1, 2, 0]


class Told:
    """An Optuna trial that answers with what it was given, and notes what it was asked."""

    def __init__(self, **answers):
        self.answers, self.params = answers, {}

    def suggest_categorical(self, name, choices):
        assert self.answers[name] in choices
        self.params[name] = self.answers[name]
        return self.params[name]

    def suggest_float(self, name, low, high, *, log=False):
        self.params[name] = self.answers[name.split("|")[0]]
        assert low <= self.params[name] <= high
        return self.params[name]


def test_the_rank_is_asked_for_adapters_only_and_rates_are_those_of_the_method():
    space = Space(adapters())
    full = Told(method="full", learning_rate=1e-3)
    space.ask(full)
    assert set(full.params) == {"method", "learning_rate|full"}
    lora = Told(method="lora", lora_r=16.0, learning_rate=5e-3)
    space.ask(lora)
    assert set(lora.params) == {"method", "lora_r", "learning_rate|lora"}


def test_a_proposal_means_the_nearest_setting_that_was_not_tried():
    problem = line([3.0, 2.0, 4.0])
    space, runs = Space(problem), Runs(problem, 0)
    assert [space.take({"rate": 12.0}, runs) for _ in range(3)] == [1, 2, 0]
    runs.measure(1, 100)
    assert space.take({"rate": 12.0}, runs) == 2


def test_shares_are_drawn_from_a_simplex():
    settings = ({"a": 1.0, "b": 0.0}, {"a": 0.5, "b": 0.5}, {"a": 0.0, "b": 1.0})
    axes = tuple(Axis(name, (0.0, 0.5, 1.0), "linear") for name in "ab")
    problem = TableProblem("mix", axes, settings, (10,), ("c",), "c", np.ones((3, 1, 1)), 0.0, simplex=True)
    space, runs = Space(problem), Runs(problem, 0)
    assert space.take({"a": 0.5, "b": 0.5}, runs) == 1
    assert space.take({"a": 1e-6, "b": 0.9}, runs) == 0
