"""The law's trials: every ratio on every base model, at the learning rate that is best for that size."""

from sweeper.pipeline.bases import BaseLosses
from sweeper.pipeline.compare import Comparison
from sweeper.pipeline.search import Found, objective_for
from sweeper.pipeline.session import Session
from sweeper.pipeline.specs import SpecFactory
from sweeper.trials.record import TrialRecord
from trainers.spec import TrialSpec

RATE_FACTORS = (0.5, 1.0, 2.0)
"""Learning rates tried on smaller base models, as multiples of the last one's."""


def check_rates(
    session: Session, factory: SpecFactory, losses: BaseLosses, found: Found, comparison: Comparison
) -> dict[str, float]:
    """The learning rate of every base model for the chosen method, frozen in the study; small ones by short trials."""
    setting = comparison.setting
    rates = {factory.target_model: setting.learning_rate}
    smaller = [base for base in session.experiment.base_models if base != factory.target_model]
    specs = {
        base: [
            factory.rate_check(base, setting.method, rate, setting.lora_r, comparison.ratio, setting.recipe)
            for rate in (factor * setting.learning_rate for factor in RATE_FACTORS)
        ]
        for base in smaller
    }
    session.run([spec for group in specs.values() for spec in group], "learning rate")
    for base, group in specs.items():
        records = [session.record(spec, "learning rate") for spec in group]
        objective = objective_for(session.experiment, losses, base)
        measured = [(objective(r.last), r.spec.learning_rate) for r in records if r.last and r.state == "completed"]
        rates[base] = found.study.frozen(
            f"learning rate of {base}",
            lambda measured=measured: min(measured)[1] if measured else setting.learning_rate,  # type: ignore[misc]
        )
    return rates


def design(session: Session, factory: SpecFactory, comparison: Comparison, rates: dict[str, float]) -> list[TrialSpec]:
    """Every ratio on every base model, and the replicates: one point of the last model again with other seeds.

    The longest first, so that no lane works alone at the end.
    """
    experiment, setting = session.experiment, comparison.setting
    grid = [
        factory.law(base, setting.method, rates[base], setting.lora_r, ratio, recipe=setting.recipe)
        for base in reversed(experiment.base_models)
        for ratio in experiment.law.domain_ratio
    ]
    again = [
        factory.law(
            factory.target_model,
            setting.method,
            setting.learning_rate,
            setting.lora_r,
            comparison.ratio,
            k,
            setting.recipe,
        )
        for k in range(1, 1 + experiment.law.replicates)
    ]
    return grid[: len(experiment.law.domain_ratio)] + again + grid[len(experiment.law.domain_ratio) :]


def measure_law(
    session: Session, factory: SpecFactory, comparison: Comparison, rates: dict[str, float]
) -> list[TrialRecord]:
    """Train the design; a failed trial is left out of the fit and said."""
    records = session.run(design(session, factory, comparison, rates), "law")
    for record in records:
        if record.state == "failed":
            session.say(f"law trial {record.id} failed and is left out: {record.short_reason}")
    return records
