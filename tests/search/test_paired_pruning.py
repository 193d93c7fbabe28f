from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from sweeper.experiment.pruners import Hyperband, Median, NoPruner, Pruner, SuccessiveHalving, Wilcoxon
from sweeper.search.paired_differences import Difference, Judged, objective_difference
from sweeper.search.paired_pruning import PairedPruning
from sweeper.search.proposal import Proposal
from sweeper.trials.record import TrialRecord
from tests.search.searched import OBJECTIVE, RUNGS, finish, measured, record_of, source_of, study

EVEN = (-0.5, -0.3, -0.1, 0.1, 0.3, 0.5)
"""Documents of one trial, off its mean: hard and easy ones, the same for all."""
NOISY = (0.5, -0.3, 0.1, -0.1, -0.5, 0.3)
"""The same documents in another order: what differs between trials is mostly noise."""


def trial(rate: float) -> TrialRecord:
    return record_of(Proposal("full", rate, 0.5))


def pruning(asked: Pruner, *codes: float, docs: float = 1.0, spread: Sequence[float] = EVEN) -> PairedPruning:
    """A pruner that has seen trials with these losses at the first rung."""
    known = [trial(1e-4 * (i + 1)) for i in range(len(codes))]
    for record, code in zip(known, codes, strict=True):
        record.measurements = [measured(100, code, docs, spread)]
    return PairedPruning(asked, RUNGS, OBJECTIVE, known)


def test_a_trial_that_fails_the_cut_within_noise_goes_on() -> None:
    judge = pruning(SuccessiveHalving(), 2.0, 2.5)
    assert judge.reason_to_stop(trial(1e-2), measured(100, 2.05, spread=NOISY), failed_cut=True) is None


def test_a_trial_that_fails_the_cut_by_more_than_noise_is_stopped_and_told_why() -> None:
    judge = pruning(SuccessiveHalving(), 2.0, 2.5)
    reason = judge.reason_to_stop(trial(1e-2), measured(100, 2.05, spread=EVEN), failed_cut=True)
    assert reason is not None and "0.0500 ± 0.0000 behind the last that made the cut" in reason


def test_a_trial_is_compared_with_the_last_that_makes_the_cut_and_not_with_the_best() -> None:
    judge = pruning(Median(), 1.0, 2.0, 3.0)  # half of four go on: the second is the last
    reason = judge.reason_to_stop(trial(1e-2), measured(100, 2.5, spread=EVEN), failed_cut=True)
    assert reason is not None and "0.5000 ±" in reason


def test_a_trial_that_makes_the_cut_goes_on_whatever_the_documents_say() -> None:
    judge = pruning(SuccessiveHalving(), 2.0, 2.5)
    assert judge.reason_to_stop(trial(1e-2), measured(100, 9.0, spread=EVEN), failed_cut=False) is None


def test_a_threshold_of_one_leaves_it_to_the_pruner() -> None:
    judge = pruning(SuccessiveHalving(p_threshold=1.0), 2.0, 2.5)
    assert judge.reason_to_stop(trial(1e-2), measured(100, 2.05, spread=NOISY), failed_cut=True) is not None


def test_without_documents_the_pruners_word_stands() -> None:
    judge = pruning(SuccessiveHalving(), 2.0, 2.5, spread=())
    assert judge.reason_to_stop(trial(1e-2), measured(100, 2.01), failed_cut=True) is not None


def test_no_pruner_stops_nothing() -> None:
    judge = pruning(NoPruner(), 2.0)
    assert judge.reason_to_stop(trial(1e-2), measured(100, 9.0, spread=EVEN), failed_cut=True) is None


def test_wilcoxon_stops_what_is_worse_than_the_best_of_the_rung_on_most_documents() -> None:
    judge = pruning(Wilcoxon(), 2.0, 2.5)
    reason = judge.reason_to_stop(trial(1e-2), measured(100, 2.05, spread=EVEN), failed_cut=False)
    assert reason is not None and "0.0500 behind the best there" in reason and "Wilcoxon p" in reason
    assert judge.reason_to_stop(trial(2e-2), measured(100, 2.05, spread=NOISY), failed_cut=False) is None
    assert judge.reason_to_stop(trial(3e-2), measured(100, 1.9, spread=EVEN), failed_cut=False) is None


def test_wilcoxon_asks_for_as_many_documents_as_told() -> None:
    judge = pruning(Wilcoxon(n_startup_steps=7), 2.0)
    assert judge.reason_to_stop(trial(1e-2), measured(100, 9.0, spread=EVEN), failed_cut=False) is None


def test_wilcoxon_stops_what_forgets_more_though_its_target_is_as_good() -> None:
    judge = pruning(Wilcoxon(), 2.0)
    reason = judge.reason_to_stop(trial(1e-2), measured(100, 2.0, docs=3.0, spread=EVEN), failed_cut=False)
    assert reason is not None


def test_the_constraint_adds_its_own_part_and_its_noise() -> None:
    within, beyond = Judged(measured(100, 2.0, 1.5, EVEN), OBJECTIVE), Judged(measured(100, 2.0, 2.1, NOISY), OBJECTIVE)
    found = objective_difference(beyond, within)
    assert found is not None and found.difference == pytest.approx(5.0 * 0.1)
    target_alone = objective_difference(Judged(measured(100, 2.0, 1.5, NOISY), OBJECTIVE), within)
    assert target_alone is not None and found.stderr > 5.0 * target_alone.stderr * 0.99


def test_each_trial_is_judged_by_the_limit_of_its_own_base_model() -> None:
    lenient = Judged(measured(100, 2.0, 2.1, EVEN), replace(OBJECTIVE, limit=2.5))
    strict = Judged(measured(100, 2.0, 2.1, EVEN), OBJECTIVE)
    found = objective_difference(strict, lenient)
    assert found is not None and found.difference == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("found", "chance"), [(Difference(1.6449, 1.0), 0.05), (Difference(0.0, 1.0), 0.5), (Difference(0.1, 0.0), 0.0)]
)
def test_the_chance_of_a_difference_is_one_sided(found: Difference, chance: float) -> None:
    assert found.chance == pytest.approx(chance, abs=1e-4)


def test_documents_that_differ_are_not_compared() -> None:
    few, many = (
        Judged(measured(100, 2.0, spread=EVEN[:3]), OBJECTIVE),
        Judged(measured(100, 2.0, spread=EVEN), OBJECTIVE),
    )
    assert objective_difference(few, many) is None


def test_after_a_restart_rungs_are_known_from_the_records(tmp_path: Path) -> None:
    source = source_of(study(tmp_path), 2)
    first = source.next()
    assert first is not None
    finish(source, first, 1.0)
    judge = PairedPruning(Wilcoxon(), RUNGS, OBJECTIVE, [first])
    assert set(judge._rungs) == {100, 200}


@pytest.mark.parametrize("asked", [SuccessiveHalving(), Hyperband(), Median(n_startup_trials=1)])
def test_a_pruner_stops_what_is_far_behind_and_never_what_is_best(tmp_path: Path, asked: Pruner) -> None:
    source = source_of(study(tmp_path, pruner=asked), 8, asked)
    states = []
    for loss in (1.0, 1.1, 9.0, 9.1, 9.2, 9.3, 9.4, 0.9):
        record = source.next()
        assert record is not None
        finish(source, record, loss, spread=(*EVEN, 0.01 * loss))
        states.append(record.state)
    assert "pruned" in states[2:7] and states[0] == "completed" and states[-1] == "completed"
