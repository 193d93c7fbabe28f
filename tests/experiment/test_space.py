import pytest
from hypothesis import given
from hypothesis import strategies as st

from sweeper.experiment import Categorical, Float, Int, Parameter, parse_experiment
from sweeper.experiment.space import Space
from tests.experiment.data import whole


def space(**changes: object) -> Space:
    return parse_experiment(whole(**{f"search__space__{name}": value for name, value in changes.items()})).search.space


def test_each_method_has_a_learning_rate_of_its_own() -> None:
    assert space().parameters() == (
        Parameter("method", "method", Categorical(("full", "qlora"))),
        Parameter("learning_rate.full", "learning_rate", Float(1e-4, 1e-2, log=True), {"method": ("full",)}),
        Parameter("learning_rate.qlora", "learning_rate", Float(3e-4, 3e-2, log=True), {"method": ("qlora",)}),
        Parameter("lora_r", "lora_r", Categorical((4, 8, 16)), {"method": ("qlora",)}),
        Parameter("domain_ratio", "domain_ratio", Float(0.1, 0.9)),
    )


def test_one_range_serves_all_methods() -> None:
    searched = space(learning_rate={"low": 1e-4, "high": 1e-2})
    assert Parameter("learning_rate", "learning_rate", Float(1e-4, 1e-2, log=True)) in searched.parameters()
    assert searched.rates("full") == searched.rates("qlora")


def test_learning_rates_of_methods_that_are_no_choice_are_left_out() -> None:
    assert [p.name for p in space(method="full").parameters()] == ["method", "learning_rate.full", "domain_ratio"]


def test_rank_may_be_a_range() -> None:
    rank = next(p for p in space(lora_r={"low": 4, "high": 64, "log": True}).parameters() if p.name == "lora_r")
    assert rank.distribution == Int(4, 64, log=True)


@pytest.mark.parametrize("written", [0.5, [0.5], {"choices": [0.5]}])
def test_fixed_values_are_single_choices(written: object) -> None:
    ratio = space(domain_ratio=written).parameters()[-1]
    assert ratio.distribution == Categorical((0.5,)) and ratio.is_fixed


def test_fixed_space_has_nothing_to_search() -> None:
    fixed = space(method="qlora", learning_rate={"qlora": 1e-3}, lora_r=8, domain_ratio=0.5)
    assert fixed.is_fixed and fixed.searched == ()
    assert space(method="full", learning_rate=1e-3).searched == ("domain_ratio",)


def test_per_method_rates_may_be_fixed_or_choices() -> None:
    mixed = space(learning_rate={"full": 1e-3, "qlora": {"choices": [1e-3, 1e-2]}})
    by_name = {p.name: p.distribution for p in mixed.parameters()}
    assert by_name["learning_rate.full"] == Categorical((1e-3,))
    assert by_name["learning_rate.qlora"] == Categorical((1e-3, 1e-2))


@given(low=st.floats(1e-6, 1e-2), factor=st.floats(1.01, 50))
def test_ranges_reach_the_search_as_written(low: float, factor: float) -> None:
    given_range = {"low": low, "high": low * factor, "log": False}
    rate = next(p for p in space(learning_rate=given_range).parameters() if p.field == "learning_rate")
    assert rate.distribution == Float(low, low * factor, log=False)
