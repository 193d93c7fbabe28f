import pytest

from sweeper.laws import LawError, fit, recommend_tradeoff
from tests.laws.simulated_cpt import anchored_truth, simulated_table


def test_laws_that_know_no_mixture_give_no_ratio():
    fits = fit(simulated_table(anchored_truth, tokens=(40e3, 80e3, 120e3, 160e3)), law="cmr-tokens", bootstrap=0)
    with pytest.raises(LawError, match="cmr-tokens is no law of mixture"):
        recommend_tradeoff(fits, target="code", constraint={}, tokens=160e3, params=1.3e6)
