import pytest

from sweeper.search.fronts import front_of
from sweeper.search.objective import Name, flops
from sweeper.search.proposal import Proposal
from sweeper.trials.record import TrialRecord
from tests.search.searched import OBJECTIVE, measured, record_of
from tests.trial_records import finished

REFERENCE: dict[Name, float] = {"target_loss": 3.0, "constraint_loss": 2.0, "flops": 1e9, "tokens": 500.0}


def trial(rate: float, code: float, docs: float, trainable: int = 1000) -> TrialRecord:
    record = record_of(Proposal("full", rate, 0.5))
    closing = finished(1000, 400).model_copy(update={"trainable_params": trainable})
    record.state, record.measurements, record.finished = "completed", [measured(400, code, docs)], closing
    return record


def test_the_front_of_target_and_constrained_loss() -> None:
    records = [trial(1e-3, 2.0, 1.5), trial(2e-3, 2.5, 1.0), trial(3e-3, 2.6, 1.6)]
    found = front_of(records, OBJECTIVE, ("target_loss", "constraint_loss"), REFERENCE)
    assert found.trials == (records[0].id, records[1].id)
    assert found.hypervolume == pytest.approx(1.0 * 0.5 + 0.5 * 0.5)
    assert found.to_dict()["trials"][0] == {"trial": records[0].id, "target_loss": 2.0, "constraint_loss": 1.5}


def test_a_cheaper_trial_is_on_the_front_though_it_is_worse() -> None:
    dear, cheap = trial(1e-3, 2.0, 1.5), trial(2e-3, 2.1, 1.5, trainable=10)
    assert len(front_of([dear, cheap], OBJECTIVE, ("target_loss", "constraint_loss"), REFERENCE).trials) == 1
    assert len(front_of([dear, cheap], OBJECTIVE, ("target_loss", "constraint_loss", "flops"), REFERENCE).trials) == 2


def test_full_weights_cost_six_operations_a_parameter_and_token() -> None:
    assert flops(trial(1e-3, 2.0, 1.5)) == 6 * 1000 * 400


def test_pruned_and_failed_trials_are_on_no_front() -> None:
    pruned = trial(1e-3, 1.0, 1.0)
    pruned.state = "pruned"
    found = front_of([pruned], OBJECTIVE, ("target_loss", "constraint_loss"), REFERENCE)
    assert found.trials == () and found.hypervolume == 0.0
