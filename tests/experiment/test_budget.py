import pytest

from sweeper.experiment import ExperimentError
from sweeper.experiment.budget import Budget, format_amount
from tests.pipeline.made_up import experiment


@pytest.mark.parametrize(
    ("given", "unit", "amount", "words"),
    [
        ({"tokens": "20M"}, "tokens", 20e6, "20M tokens"),
        ({"flops": 1e18}, "flops", 1e18, "1e+18 operations"),
        ({"gpu_hours": 200}, "gpu_hours", 200.0, "200 worker-hours"),
        ({"hours": 48}, "hours", 48.0, "48 hours"),
    ],
)
def test_a_budget_is_one_amount_in_its_unit(given: dict[str, object], unit: str, amount: float, words: str) -> None:
    budget = experiment(budget=given).budget
    assert isinstance(budget, Budget)
    assert (budget.unit, budget.amount, budget.words) == (unit, amount, words)


def test_there_is_none_by_default() -> None:
    assert experiment().budget is None


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"tokens": "2M", "hours": 3}, "budget: has tokens and hours; write exactly one of tokens, flops, gpu_hours"),
        ({"search_share": 0.5}, "budget: has no amount; write exactly one of"),
        ({"tokens": 0}, "budget.tokens: 0 is not allowed; must be ≥ 1"),
        ({"hours": 0.0}, "budget.hours: 0.0 is not allowed; must be > 0"),
        ({"hours": "48h"}, "budget.hours: '48h' is not allowed"),
        ({"tokens": "2M", "search_share": 1.0}, "budget.search_share: 1.0 is not allowed; must be < 1"),
        ("20M", "budget: '20M' is not allowed; must be a mapping"),
        ({"token": "20M"}, "budget.token: unknown field; did you mean 'tokens'?"),
    ],
)
def test_what_is_wrong_is_named(given: object, said: str) -> None:
    with pytest.raises(ExperimentError) as error:
        experiment(budget=given)
    assert said in str(error.value)


def test_amounts_have_three_digits() -> None:
    assert format_amount("tokens", 1_234_567) == "1.23M tokens"
    assert format_amount("gpu_hours", 12.3456) == "12.3 worker-hours"
