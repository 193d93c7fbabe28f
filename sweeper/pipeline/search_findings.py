"""What a search found beside its best settings: where it began, and what its trials trade off."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sweeper.experiment.model import Experiment
from sweeper.pipeline.bases import BaseLosses
from sweeper.search.fronts import Front, front_of
from sweeper.search.objective import Name, Objective
from sweeper.trials.record import TrialRecord


def warmed_lines(warmed: Mapping[str, Any]) -> Iterator[str]:
    """Where each method begins, and why."""
    for method, found in warmed.get("learning_rates", {}).items():
        yield (
            f"warm start: {method} begins at learning rate {found['rate']:.3g} [{found['low']:.2g}, "
            f"{found['high']:.2g}], from {found['how']}"
        )
    for method, ratio in warmed.get("rate_over_full", {}).items():
        yield f"warm start: the best learning rate of {method} is {ratio:.2g} times that of full, as measured"


def search_front(
    experiment: Experiment, losses: BaseLosses, records: Sequence[TrialRecord], objective: Objective, base: str
) -> Front:
    """What is traded off: as asked, or target against constrained loss where one number is minimised.

    What it covers is measured to a model no better than the base on the target, that has lost twice what the constraint
    allows (10 % at least), and costs 1.1 times as much as a whole trial with full weights.
    """
    search, limited = experiment.search, experiment.constraint
    names: tuple[Name, ...] = search.objectives if len(search.objectives) > 1 else ("target_loss", "constraint_loss")
    lost = 1.0 + max(2.0 * limited.max_increase, 0.1)
    reference: dict[Name, float] = {
        "target_loss": losses.loss(base, experiment.target),
        "constraint_loss": lost * losses.loss(base, limited.corpus),
        "tokens": 1.1 * search.max_tokens,
        "flops": 1.1 * 6.0 * losses.params(base) * search.max_tokens,
    }
    return front_of(records, objective, names, reference)
