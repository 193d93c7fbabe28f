import math

from hypothesis import given
from hypothesis import strategies as st

from sweeper.experiment.distributions import Categorical, Float, Int, Parameter, Value
from sweeper.search.flat_space import FlatSpace, position, value_at
from tests.search.searched import SPACE

FLAT = FlatSpace.of(SPACE)


def test_rates_of_all_methods_share_one_dimension() -> None:
    assert list(FLAT.distributions()) == ["method", "learning_rate", "lora_r", "domain_ratio"]


def test_a_value_that_a_trial_does_not_have_stands_in_the_middle() -> None:
    flat = FLAT.flat({"method": "full", "learning_rate.full": 1e-3, "domain_ratio": 0.5})
    assert flat["method"] == "full" and flat["lora_r"] == 0.5
    assert math.isclose(float(flat["learning_rate"]), 0.5) and math.isclose(float(flat["domain_ratio"]), 0.5)


@given(st.sampled_from(["full", "qlora"]), st.floats(0, 1), st.floats(0, 0.999), st.floats(0, 1))
def test_there_and_back(method: str, rate: float, rank: float, ratio: float) -> None:
    places: dict[str, Value] = {"method": method, "learning_rate": rate, "lora_r": rank, "domain_ratio": ratio}
    values = FLAT.values(places)
    assert set(values) == {"method", f"learning_rate.{method}", "domain_ratio", *(["lora_r"] * (method == "qlora"))}
    again = FLAT.values(FLAT.flat(values))
    assert all(math.isclose(float(v), float(again[k])) for k, v in values.items() if not isinstance(v, str))


def test_choices_of_numbers_keep_their_order() -> None:
    ranks = Parameter("lora_r", "lora_r", Categorical((16, 4, 8)))
    assert [value_at(ranks, x) for x in (0.0, 0.4, 0.99, 1.0)] == [4, 8, 16, 16]
    assert position(ranks, 4) < position(ranks, 8) < position(ranks, 16)


def test_values_lie_on_their_step_and_within_their_range() -> None:
    stepped = Parameter("x", "weight_decay", Float(0.0, 0.25, step=0.1))
    assert {round(float(value_at(stepped, i / 20)), 9) for i in range(21)} <= {0.0, 0.1, 0.2, 0.25}
    whole = Parameter("x", "lora_r", Int(4, 16, step=4))
    assert {value_at(whole, i / 20) for i in range(21)} == {4, 8, 12, 16}


def test_fixed_values_take_no_dimension() -> None:
    fixed = (Parameter("method", "method", Categorical(("full",))), SPACE[-1])
    flat = FlatSpace.of(fixed)
    assert list(flat.distributions()) == ["domain_ratio"]
    assert flat.values({"domain_ratio": 0.0}) == {"method": "full", "domain_ratio": 0.1}
