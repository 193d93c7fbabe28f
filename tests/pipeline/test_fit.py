import math
from pathlib import Path

import pytest

import sweeper.laws
from sweeper.measurements import read_table
from sweeper.pipeline.fit import Fitted, fit_and_recommend, fit_to, measurements_of, write_tables
from sweeper.pipeline.workspace import Workspace
from sweeper.trials.record import TrialRecord
from tests.pipeline.made_up import experiment
from tests.trial_records import base_record, measurement, record, spec

RATIOS = (0.0, 0.33, 1.0)


def law_trial(ratio: float, seed: int = 0) -> TrialRecord:
    """Code loss falls with its share, general loss rises."""
    mixture = {name: share for name, share in {"general": 1 - ratio, "code": ratio}.items() if share}
    points = [(tokens, math.log1p(tokens / 1000)) for tokens in (1024, 2048, 4096, 8192)]
    rows = [measurement(t, 3.0 + 0.05 * (ratio - 0.3) * g, 4.0 - (0.02 + 0.3 * ratio**0.5) * g) for t, g in points]
    return record(spec("law", mixture=mixture, max_tokens=8192, seed=seed), rows)


def records() -> list[TrialRecord]:
    return [base_record(), *(law_trial(ratio) for ratio in RATIOS), law_trial(0.33, seed=1)]


def fitted(folder: Path, trials: list[TrialRecord]) -> Fitted:
    asked = experiment(confirm__tokens="9k")
    return fit_and_recommend(
        asked, Workspace(folder), measurements_of(asked, trials), method="full", base_loss=3.0, params=1000
    )


@pytest.fixture
def few_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sweeper.pipeline.fit.BOOTSTRAP", 2)


def test_the_same_rows_are_not_fitted_twice(tmp_path: Path, few_draws: None, monkeypatch: pytest.MonkeyPatch) -> None:
    first = fitted(tmp_path, records())
    written = (tmp_path / "laws.json").stat().st_mtime_ns

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("fitted again")

    monkeypatch.setattr(sweeper.laws, "fit", refuse)
    again = fitted(tmp_path, records())
    assert again.recommendation.to_dict() == first.recommendation.to_dict()
    assert (tmp_path / "laws.json").stat().st_mtime_ns == written
    with pytest.raises(AssertionError, match="fitted again"):
        fitted(tmp_path, [*records(), law_trial(0.67)])


def test_more_search_trials_change_no_law(tmp_path: Path, few_draws: None, monkeypatch: pytest.MonkeyPatch) -> None:
    fitted(tmp_path, records())
    monkeypatch.setattr(sweeper.laws, "fit", lambda *_, **__: pytest.fail("fitted again"))
    fitted(tmp_path, [record(spec("search"), [measurement(2048, 3.1, 3.9)]), *records()])


def test_a_failed_trial_takes_no_part_in_the_fit(tmp_path: Path) -> None:
    broken = law_trial(0.67)
    broken.state = "failed"
    table = measurements_of(experiment(), [*records(), broken])
    assert broken.id in table["trial"].to_pylist()
    assert set(fit_to(table)["trial"].to_pylist()) == {r.id for r in records()}


def test_a_table_from_elsewhere_without_states_is_fitted_whole(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("corpus,tokens,domain_ratio,loss\ncode,10,0.5,3.0\ncode,20,0.5,2.9\n", encoding="utf-8")
    assert fit_to(read_table(path)).num_rows == 2


def test_tables_do_not_depend_on_the_order_of_trials(tmp_path: Path) -> None:
    for name, trials in (("a", records()), ("b", records()[::-1])):
        write_tables(experiment(), Workspace(tmp_path / name), trials)
    for file in ("measurements.csv", "measurements.parquet", "document_losses.parquet"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()
