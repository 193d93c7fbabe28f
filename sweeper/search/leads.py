"""How sure it is that the search's best trial is the best: paired differences over evaluation documents."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sweeper.measurements.paired import PairedDifference, paired_difference
from sweeper.search.objective import Objective
from sweeper.search.paired_differences import Judged, objective_difference, same_documents
from sweeper.trials.record import TrialRecord


@dataclass(frozen=True)
class Lead:
    """The better of two trials against the other."""

    what: str
    """For people: `best against runner-up`, `best full against best qlora`."""
    first: str
    """The better trial."""
    second: str
    differences: dict[str, PairedDifference]
    """First minus second, by corpus, nats a token."""
    probability: float
    """That the first is better, by objective, as far as the choice of documents goes: not by that of seeds."""

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "what": self.what,
            "trials": [self.first, self.second],
            "difference": {corpus: found._asdict() for corpus, found in self.differences.items()},
            "probability": self.probability,
        }


def leads(records: Sequence[TrialRecord], objective: Objective) -> tuple[Lead, ...]:
    """The best against the runner-up, and against the best of each other method.

    Pairs that did not score the same documents are left out.
    """
    completed = [r for r in records if r.state == "completed" and r.last is not None]
    ranked = sorted({r.id: r for r in completed}.values(), key=objective.rank)
    if len(ranked) < 2:
        return ()
    best = ranked[0]
    firsts = {record.spec.method: record for record in reversed(ranked)}
    pairs = [("best against runner-up", ranked[1])]
    pairs += [
        (f"best {best.spec.method} against best {method}", record)
        for method, record in firsts.items()
        if method != best.spec.method
    ]
    return tuple(lead for what, other in pairs if (lead := _lead(what, best, other, objective)) is not None)


def _lead(what: str, best: TrialRecord, other: TrialRecord, objective: Objective) -> Lead | None:
    assert best.last is not None and other.last is not None
    a, b = Judged(best.last, objective.on(best)), Judged(other.last, objective.on(other))
    found = objective_difference(a, b)
    if found is None:
        return None
    corpora = [c for c in (objective.target, objective.corpus) if same_documents(best.last, other.last, c)]
    differences = {corpus: paired_difference(best.last, other.last, corpus) for corpus in corpora}
    return Lead(what, best.id, other.id, differences, found.probability_better)
