import pytest

from sweeper.pipeline.compare import pivot_ratio
from sweeper.pipeline.session import PhaseError
from sweeper.pipeline.settings import Setting, best_settings
from sweeper.search.objective import Objective
from sweeper.trials.record import State, TrialRecord
from tests.trial_records import measurement, record, spec
from trainers.spec import Lora, Method

OBJECTIVE = Objective("code", "general", limit=3.1, penalty=5.0)


def trial(
    method: Method, rate: float, code: float, general: float = 3.0, state: State = "completed", rank: int = 4
) -> TrialRecord:
    lora = None if method == "full" else Lora(r=rank, alpha=2 * rank)
    return record(spec("search", method, 0.3, learning_rate=rate, lora=lora), [measurement(2048, general, code)], state)


def test_each_method_has_its_own_best_setting() -> None:
    records = [
        trial("full", 1e-3, code=3.5),
        trial("full", 2e-3, code=3.4),
        trial("qlora", 1e-2, code=3.7, rank=16),
        trial("qlora", 2e-2, code=3.9, rank=8),
    ]
    assert best_settings(records, OBJECTIVE) == {
        "full": Setting("full", 2e-3, None, 0.3, pytest.approx(3.4)),  # type: ignore[arg-type]
        "qlora": Setting("qlora", 1e-2, 16, 0.3, pytest.approx(3.7)),  # type: ignore[arg-type]
    }


def test_a_setting_that_breaks_the_constraint_pays_for_it() -> None:
    records = [trial("full", 1e-3, code=3.5), trial("full", 2e-3, code=3.4, general=3.2)]
    assert best_settings(records, OBJECTIVE)["full"].learning_rate == 1e-3


def test_a_pruned_trial_is_best_only_where_none_was_completed() -> None:
    pruned = [trial("full", 2e-3, code=3.0, state="pruned"), trial("qlora", 1e-2, code=3.3, state="pruned")]
    found = best_settings([trial("full", 1e-3, code=3.5), *pruned], OBJECTIVE)
    assert (found["full"].learning_rate, found["qlora"].learning_rate) == (1e-3, 1e-2)


def test_a_failed_trial_is_never_best() -> None:
    records = [trial("full", 1e-3, code=3.5), trial("full", 9e-3, code=1.0, state="failed")]
    assert best_settings(records, OBJECTIVE)["full"].learning_rate == 1e-3


def test_a_search_without_a_result_says_so() -> None:
    with pytest.raises(PhaseError, match="no trial gave a result"):
        best_settings([trial("full", 1e-3, code=1.0, state="failed"), record(spec(), [], "failed")], OBJECTIVE)


@pytest.mark.parametrize(
    ("ratios", "best", "pivot"),
    [
        ((0.0, 0.1, 0.33, 0.67, 1.0), 0.4, 0.33),
        ((0.0, 0.1, 0.33, 0.67, 1.0), 0.02, 0.1),
        ((0.0, 0.1, 0.33, 0.67, 1.0), 0.99, 0.67),
        ((0.0, 1.0), 0.8, 1.0),
    ],
)
def test_methods_are_compared_at_the_nearest_ratio_with_both_kinds_of_text(
    ratios: tuple[float, ...], best: float, pivot: float
) -> None:
    assert pivot_ratio(ratios, best) == pivot


def test_the_objective_is_the_targets_loss_within_the_limit_and_more_beyond() -> None:
    assert OBJECTIVE(measurement(1, general=3.1, code=3.5)) == pytest.approx(3.5)
    assert OBJECTIVE(measurement(1, general=3.3, code=3.5)) == pytest.approx(3.5 + 5.0 * 0.2)
    assert OBJECTIVE.holds(measurement(1, general=3.0, code=9.0))
    assert not OBJECTIVE.holds(measurement(1, general=3.2, code=1.0))
