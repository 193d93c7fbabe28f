import json

import pytest

from sweeper.laws import LawError, recommend_compute
from tests.laws.uses.known_laws import KnownLaws

FLOPS = 6 * 1e11
SIZES = (5e5, 1e6, 2e6)


def code(params, tokens, ratio):
    """At N D = 1e11 least for N = 1e6, and the lower the more code."""
    return 1 + 1e6 / params + 1e5 / tokens - 2 * ratio


def general(params, tokens, ratio):
    return 2 + 0.2 * ratio * tokens / 1e5


def laws(**options):
    settings = {"base_losses": {"general": 2.0}, "sizes": SIZES, "tokens": 2e5, **options}
    return KnownLaws({"code": code, "general": general}, **settings)


def ask(laws, **options):
    return recommend_compute(laws, **{"target": "code", "flops": FLOPS, **options})


def test_size_and_tokens_use_the_compute_and_are_the_best():
    found = ask(laws(), ratio=0.4)
    assert found.params == pytest.approx(1e6)
    assert 6 * found.params * found.tokens == pytest.approx(FLOPS)
    assert found.domain_ratio == 0.4 and found.predicted["code"].loss == pytest.approx(2.2)


def test_with_fewer_than_three_sizes_only_those_measured_are_asked():
    assert ask(laws(sizes=(8e5, 2e6)), ratio=0.4).curve.params == [8e5, 2e6]


def test_from_three_sizes_on_those_between_are_asked_too():
    params = ask(laws(), ratio=0.4).curve.params
    assert set(SIZES) <= set(params) and len(params) > 6 and max(params) <= 2e6


def test_named_sizes_are_the_choice():
    assert ask(laws(), ratio=0.4, sizes=[6e5, 9e5]).params == 9e5


def test_a_constraint_is_weighed_at_every_size():
    found = ask(laws(), constraint={"general": (2.0, 0.03)})
    assert 2 + 0.2 * found.domain_ratio * found.tokens / 1e5 == pytest.approx(2.06, abs=2e-3)
    assert found.params > 1e6
    assert len(found.curve.params) == len(set(found.curve.params))
    assert found.predicted["code"].loss == min(found.curve.bands["code"].loss)


def test_the_base_loss_of_the_answer_is_that_of_its_size():
    found = ask(laws(), ratio=0.1, constraint={"general": (None, 0.5)}, sizes=[2e6])
    assert found.constraint["general"] == pytest.approx((2.0 * 2**-0.1, 0.5))


def test_sizes_that_need_too_many_tokens_are_left_out_and_said():
    found = ask(laws(tokens=6e4), ratio=0.4)
    assert min(found.curve.params) >= 1e11 / 1.2e5
    assert any("left out" in note for note in found.notes)


def test_the_answer_is_plain_json_with_intervals():
    data = json.loads(json.dumps(ask(laws(spread=0.01)).to_dict(), allow_nan=False))
    assert data["use"] == "compute"
    assert data["params_interval"][0] <= data["params"] <= data["params_interval"][1]
    assert data["tokens_interval"][0] <= data["tokens"] <= data["tokens_interval"][1]


@pytest.mark.parametrize(("options", "field"), [({"flops": 0.0}, "flops"), ({"sizes": []}, "sizes")])
def test_no_compute_and_no_size_are_refused(options, field):
    with pytest.raises(LawError, match=field):
        ask(laws(), **options)
