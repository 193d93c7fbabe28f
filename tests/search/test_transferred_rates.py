import math
from pathlib import Path

import pytest

from sweeper.search.bracketed import bracket
from sweeper.search.earlier_runs import EarlierRuns, read_earlier
from sweeper.search.errors import WarmStartError
from sweeper.search.rate_law import Place, RateLaw
from sweeper.search.transferred_rates import TransferredRate, combined, transferred_rates
from tests.search.earlier_tables import best_rate, write_run


@pytest.fixture(scope="module")
def one_size(tmp_path_factory: pytest.TempPathFactory) -> EarlierRuns:
    return read_earlier(write_run(tmp_path_factory.mktemp("one")), "code", ("full", "lora"))


def places(params: float, tokens: float = 2e5) -> dict[str, Place]:
    return {"full": Place(params, tokens, 0.5), "lora": Place(params, tokens, 0.5, 8)}


def test_rates_transfer_to_another_size_by_the_fitted_law(tmp_path: Path) -> None:
    runs = read_earlier(write_run(tmp_path, sizes=(1e6, 4e6), trials=48), "code", ("full", "lora"))
    found = transferred_rates(runs, places(16e6))
    for method in ("full", "lora"):
        assert found[method].low < best_rate(method, 16e6) < found[method].high
        assert abs(math.log(found[method].rate / best_rate(method, 16e6))) < 0.6


def test_the_adapters_rate_over_full_weights_is_learnt_and_not_assumed(one_size: EarlierRuns) -> None:
    found = transferred_rates(one_size, places(4e6))
    ratio = found["lora"].rate / found["full"].rate
    assert ratio == pytest.approx(6.0, rel=0.35)


def test_a_method_that_was_not_measured_has_no_rate(tmp_path: Path) -> None:
    runs = read_earlier(write_run(tmp_path, methods=("full",), trials=6), "code", ("full", "lora"))
    assert set(transferred_rates(runs, places(4e6))) == {"full"}


def test_one_size_is_moved_by_published_trends_and_is_less_sure_the_further_it_goes(one_size: EarlierRuns) -> None:
    near, far = (transferred_rates(one_size, {"full": Place(n, 2e5, 0.5)})["full"] for n in (4e6, 64e6))
    assert far.rate / near.rate == pytest.approx(16**-0.5, rel=1e-6) and far.sd > near.sd
    assert "times 0.25 for the other size" in far.how


def test_few_trials_give_the_best_of_them_with_its_doubt(tmp_path: Path) -> None:
    runs = read_earlier(write_run(tmp_path, trials=6), "code", ("full",))
    found = transferred_rates(runs, places(4e6))["full"]
    tried = [t for t in runs.trials if t.method == "full"]
    assert found.rate in [t.learning_rate for t in tried] and found.sd >= 0.5 and "best of 3" in found.how


def test_a_rate_between_worse_ones_keeps_the_best_there() -> None:
    found = bracket([1e-4, 3e-4, 1e-3, 3e-3], [0.30, 0.10, 0.02, 0.25], noise=0.005)
    assert found is not None and (found.low, found.high) == (3e-4, 3e-3)
    assert 3e-4 < found.best < 2e-3 and 1e-2 not in found and 1e-3 in found


def test_a_best_rate_at_the_edge_or_within_noise_brackets_nothing() -> None:
    assert bracket([1e-4, 3e-4, 1e-3], [0.3, 0.2, 0.1], noise=0.005) is None
    assert bracket([1e-4, 3e-4, 1e-3], [0.101, 0.1, 0.101], noise=0.005) is None


def test_a_law_that_leaves_the_bracket_is_moved_into_it(one_size: EarlierRuns) -> None:
    law = RateLaw.of(one_size)
    assert law is not None
    own = [t for t in one_size.trials if t.method == "full"]
    place = Place(4e6, 2e5, 0.5)
    assert law.best("full", own, place)[0] == pytest.approx(best_rate("full", 4e6), rel=0.4)
    off = RateLaw(_Elsewhere(law.fit, 8.0), law.target)  # type: ignore[arg-type]
    rate, _, how = off.best("full", own, place)
    assert rate == pytest.approx(best_rate("full", 4e6), rel=0.8) and "moved to between the rates tried" in how


class _Elsewhere:
    """A fit whose best rate is so many times too high."""

    def __init__(self, fit: object, factor: float) -> None:
        self._fit, self._factor = fit, factor

    def __getattr__(self, name: str) -> object:
        return getattr(self._fit, name)

    def best_rate(self, **where: object) -> object:
        from dataclasses import replace

        found = self._fit.best_rate(**where)  # type: ignore[attr-defined]
        return replace(found, **{k: getattr(found, k) * self._factor for k in ("rate", "low", "high")})


def test_several_runs_are_weighed_by_how_sure_they_are() -> None:
    sure, unsure = TransferredRate(1e-3, 0.1, "a", 0.0), TransferredRate(1e-2, 1.0, "b", 0.0)
    found = combined([sure, unsure])
    assert found.rate == pytest.approx(1e-3 * 10 ** (1 / 101), rel=1e-6) and found.sd > 0.1
    assert combined([sure]) is sure


@pytest.mark.parametrize(
    ("where", "said"),
    [("nowhere", "does not exist"), ("empty", "holds no measurements.parquet"), ("own", "this run's own output")],
)
def test_a_wrong_folder_is_refused_in_words(tmp_path: Path, where: str, said: str) -> None:
    (tmp_path / "empty").mkdir()
    own = write_run(tmp_path / "own", trials=4)
    with pytest.raises(WarmStartError, match=said) as refused:
        read_earlier(tmp_path / where, "code", ("full",), own)
    assert str(refused.value).startswith("search.warm_start: ")


def test_a_run_of_other_methods_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WarmStartError, match="trials of full, this search of qlora"):
        read_earlier(write_run(tmp_path, methods=("full",), trials=8), "code", ("qlora",))


def test_a_run_on_another_corpus_is_read_by_its_own_target(tmp_path: Path) -> None:
    runs = read_earlier(write_run(tmp_path, target="law", trials=8), "code", ("full",))
    assert runs.target == "law" and all("law" in trial.relative for trial in runs.trials)
