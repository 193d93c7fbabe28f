import numpy as np
import pytest

from sweeper.laws.uses.forecast import nodes_of, predicted
from sweeper.laws.uses.options import options_of
from tests.laws.uses.known_laws import KnownLaws


def curved(params, tokens, ratio):
    return params / 1e6 + np.sqrt(ratio + 0.1)


def test_every_fourth_option_of_each_size_is_asked_and_the_ends():
    options = options_of(np.linspace(0, 1, 50)[None], 1e5, np.array([[1e6], [2e6]]))
    nodes = nodes_of(options)
    assert nodes.tolist() == [*range(0, 50, 4), 49, *range(50, 100, 4), 99]


def test_few_options_are_all_asked():
    assert nodes_of(options_of(np.linspace(0, 1, 40), 1e5, 1e6)).tolist() == list(range(40))


def test_what_lies_between_is_joined_within_its_size():
    options = options_of(np.linspace(0, 1, 401)[None], 1e5, np.array([[1e6], [5e6]]))
    laws = KnownLaws({"code": curved}, spread=0.1, sizes=(1e6, 5e6))
    found = predicted(laws, ["code"], options, noise=False)["code"]
    exact = laws.predict("code", tokens=options.tokens, params=options.params, domain_ratio=options.domain_ratio,
                         level=0.9, noise=False)  # fmt: skip
    assert found.samples.shape == exact.samples.shape
    assert found.loss == pytest.approx(exact.loss, abs=2e-4)
    assert found.samples == pytest.approx(exact.samples, abs=3e-4)
    assert found.low == pytest.approx(exact.low, abs=2e-4)
