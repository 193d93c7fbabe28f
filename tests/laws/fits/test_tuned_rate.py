import numpy as np
import pytest

from sweeper.laws import LawError, table_from_columns
from sweeper.laws.fits.tuned_rate import fit_learning_rate

BEST = {"full": 1e-3, "lora": 5e-3}


def searched(noise=0.002, seed=0, rates=(-1.5, 1.5), methods=("full", "lora")):
    """Runs with a rate, a ratio and a rank of their own; the best rate falls with size and tokens."""
    rng = np.random.default_rng(seed)
    rows = []
    for run in range(48):
        method, size = methods[run % len(methods)], (1e6, 4e6)[run // 2 % 2]
        rank = float(rng.choice([4, 16])) if method == "lora" else np.nan
        ratio = float(rng.choice([0.25, 0.5, 0.75, 1.0]))
        rate = BEST[method] * np.exp(rng.uniform(*rates))
        deviation = rng.normal(0, noise)
        for tokens in (5e4, 1e5, 2e5):
            best = BEST[method] * (size / 4e6) ** -0.4 * (tokens / 2e5) ** -0.2
            held = 4e5 * rank / 16 * (size / 4e6) ** (2 / 3)
            worth = tokens / (1 + tokens / held) if method == "lora" else tokens
            level = (
                (2.2 if size == 4e6 else 2.5) + 0.6 * ratio**0.3 * (worth / 2e5) ** -0.4 + 0.3 / (ratio + 0.1) ** 0.5
            )
            loss = level * np.exp(0.5 * 0.08 * np.log(rate / best) ** 2 + deviation)
            rows.append((f"t{run}", method, rank, size, tokens, ratio, rate, loss))
    names = ("trial", "method", "lora_r", "params", "tokens", "domain_ratio", "learning_rate", "loss")
    return {name: list(column) for name, column in zip(names, zip(*rows, strict=True), strict=True)}


def table_of(columns):
    return table_from_columns({**columns, "corpus": ["domain"] * len(columns["loss"])}, target="domain")


@pytest.fixture(scope="module")
def fitted():
    return fit_learning_rate(table_of(searched()), "domain", bootstrap=40)


def test_the_best_rate_of_each_method_is_found_within_its_interval(fitted):
    for method, rank in (("full", None), ("lora", 16.0)):
        best = fitted.best_rate(tokens=2e5, params=4e6, share=0.5, method=method, lora_r=rank)
        assert best.rate == pytest.approx(BEST[method], rel=0.25)
        assert best.low / 1.1 < BEST[method] < best.high * 1.1
        assert not best.notes


def test_the_best_rate_falls_with_size_and_tokens(fitted):
    small, long = ({"params": 1e6, "tokens": 2e5}, {"params": 4e6, "tokens": 2e5})
    rates = [fitted.best_rate(share=0.5, method="full", **where).rate for where in (small, long)]
    assert rates[0] / rates[1] == pytest.approx(4**0.4, rel=0.25)


def test_the_loss_at_a_rate_is_predicted_with_an_interval(fitted):
    found = fitted.predict(learning_rate=[5e-4, 1e-3, 2e-3], tokens=2e5, params=4e6, share=0.5, method="full")
    truth = (2.2 + 0.6 * 0.5**0.3 + 0.3 / 0.6**0.5) * np.exp(0.04 * np.log([0.5, 1.0, 2.0]) ** 2)
    assert found.loss == pytest.approx(truth, rel=0.005)
    assert np.all((found.low < truth) & (truth < found.high))
    assert found.samples.shape == (1000, 3) and found.extrapolation == pytest.approx(1.0)


def test_a_larger_rank_holds_more(fitted):
    losses = [
        fitted.predict(learning_rate=5e-3, tokens=2e5, params=4e6, share=0.5, method="lora", lora_r=r).loss
        for r in (4.0, 16.0)
    ]
    assert float(losses[0]) - float(losses[1]) > 0.02


def test_a_best_rate_beyond_those_measured_is_said():
    fit = fit_learning_rate(table_of(searched(rates=(-4.0, -2.5), methods=("full",))), "domain", bootstrap=0)
    best = fit.best_rate(tokens=2e5, params=4e6, share=0.5, method="full")
    assert "outside the measured" in best.notes[0]
    assert best.low == best.rate == best.high


def test_too_few_or_missing_rates_are_refused():
    columns = searched(methods=("full",))
    two = [1e-3 if rate < 1e-3 else 2e-3 for rate in columns["learning_rate"]]
    with pytest.raises(LawError, match="2 different ones; 3 or more"):
        fit_learning_rate(table_of({**columns, "learning_rate": two}), "domain")
    without = [np.nan, *columns["learning_rate"][1:]]
    with pytest.raises(LawError, match="row 0 of domain has none"):
        fit_learning_rate(table_of({**columns, "learning_rate": without}), "domain")


def test_the_same_seed_gives_the_same_fit():
    table = table_of(searched())
    first, second = (fit_learning_rate(table, "domain", bootstrap=3, seed=5) for _ in range(2))
    assert np.array_equal(first.samples, second.samples)
