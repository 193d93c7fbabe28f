import pytest

from sweeper.search.leads import leads
from sweeper.search.proposal import Proposal
from sweeper.trials.record import TrialRecord
from tests.search.searched import OBJECTIVE, measured, record_of

HARD = (-0.5, -0.2, 0.0, 0.2, 0.5)


def trial(method: str, rate: float, code: float, docs: float = 1.0, off: float = 0.0) -> TrialRecord:
    """Completed; its first document lies `off` nats a token higher than the others' would have it."""
    record = record_of(Proposal(method, rate, 0.5, 8 if method == "qlora" else None))
    record.state, record.measurements = "completed", [measured(400, code, docs, (HARD[0] + off, *HARD[1:]))]
    return record


def test_the_best_is_compared_with_the_runner_up_and_with_the_best_of_each_other_method() -> None:
    found = leads([trial("full", 1e-3, 2.0), trial("full", 2e-3, 2.1), trial("qlora", 1e-2, 2.3, off=0.1)], OBJECTIVE)
    assert [lead.what for lead in found] == ["best against runner-up", "best full against best qlora"]
    assert found[0].differences["code"].difference == pytest.approx(-0.1)
    assert found[1].differences["code"].stderr > 0 and found[1].probability > 0.9


def test_the_best_is_the_best_under_the_constraint() -> None:
    forgetful, faithful = trial("full", 1e-3, 1.0, docs=2.5), trial("full", 2e-3, 2.0)
    [lead] = leads([forgetful, faithful], OBJECTIVE)
    assert (lead.first, lead.second) == (faithful.id, forgetful.id)


def test_a_difference_within_noise_is_hardly_better_than_a_coin() -> None:
    [lead] = leads([trial("full", 1e-3, 2.0), trial("full", 2e-3, 2.0, off=0.01)], OBJECTIVE)
    assert 0.5 < lead.probability < 0.9


def test_one_trial_has_nobody_to_lead() -> None:
    assert leads([trial("full", 1e-3, 2.0)], OBJECTIVE) == ()


def test_a_trial_that_was_proposed_twice_is_not_its_own_runner_up() -> None:
    assert leads([trial("full", 1e-3, 2.0), trial("full", 1e-3, 2.0)], OBJECTIVE) == ()
