"""Which method: the best setting of each, trained again on the same ratio, tokens and seeds, and compared in pairs."""

from collections.abc import Sequence
from dataclasses import dataclass

from sweeper.measurements import PairedDifference, paired_difference_over_seeds
from sweeper.pipeline.bases import BaseLosses
from sweeper.pipeline.search import Found, objective_for
from sweeper.pipeline.session import PhaseError, Session
from sweeper.pipeline.settings import Setting
from sweeper.pipeline.specs import SpecFactory
from sweeper.trials.record import TrialRecord
from trainers.spec import Method


@dataclass(frozen=True)
class Comparison:
    """The methods side by side."""

    ratio: float
    """The domain ratio they were compared at: the law's that is nearest to the search's best."""
    settings: dict[Method, Setting]
    records: dict[Method, list[TrialRecord]]
    """One a seed, in the same order for every method; methods that failed are left out."""
    chosen: Method
    differences: dict[Method, dict[str, PairedDifference]]
    """Loss of each other method minus that of the chosen one, by corpus."""

    @property
    def setting(self) -> Setting:
        """The chosen method's."""
        return self.settings[self.chosen]


def compare(session: Session, factory: SpecFactory, losses: BaseLosses, found: Found) -> Comparison:
    """Train each method's best setting at a point of the law's design, so that the winner's runs serve the law too.

    The choice is frozen in the study.

    Raises:
        PhaseError: no method gave a result, or the one chosen before gave none.
    """
    ratio = pivot_ratio(session.experiment.law.domain_ratio, found.best.domain_ratio)
    seeds = range(1 + session.experiment.law.replicates)
    specs = {
        method: [
            factory.law(
                factory.target_model, method, setting.learning_rate, setting.lora_r, ratio, replicate, setting.recipe
            )
            for replicate in seeds
        ]
        for method, setting in found.settings.items()
    }
    session.run([spec for group in specs.values() for spec in group], "compare")
    trained = {method: [session.record(spec, "compare") for spec in group] for method, group in specs.items()}
    records = {m: group for m, group in trained.items() if all(r.state == "completed" for r in group)}
    if not records:
        raise PhaseError(
            f"compare: the best setting of no method was trained again to its end; see the trials' records"
            f"{session.budget_hint}"
        )
    objective = objective_for(session.experiment, losses, factory.target_model)

    def mean_objective(method: Method) -> float:
        values = [objective.of(record) for record in records[method]]
        return sum(values) / len(values)

    chosen: Method = found.study.frozen("method", lambda: min(records, key=mean_objective))
    if chosen not in records:
        raise PhaseError(
            f"compare: {chosen}, chosen by an earlier run, could not be trained again; give another --output to choose "
            f"afresh{session.budget_hint}"
        )
    return Comparison(
        ratio=ratio,
        settings=found.settings,
        records=records,
        chosen=chosen,
        differences={
            method: _differences(group, records[chosen], list(session.experiment.corpora))
            for method, group in records.items()
            if method != chosen
        },
    )


def pivot_ratio(ratios: Sequence[float], best: float) -> float:
    """The ratio of the law's design nearest to `best`, one with both kinds of text where there is one."""
    inner = [ratio for ratio in ratios if 0.0 < ratio < 1.0]
    return min(inner or ratios, key=lambda ratio: abs(ratio - best))


def _differences(
    a: Sequence[TrialRecord], b: Sequence[TrialRecord], corpora: Sequence[str]
) -> dict[str, PairedDifference]:
    pairs = [(x.last, y.last) for x, y in zip(a, b, strict=True) if x.last is not None and y.last is not None]
    return {corpus: paired_difference_over_seeds(pairs, corpus) for corpus in corpora}
