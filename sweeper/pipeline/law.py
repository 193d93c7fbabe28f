"""The law's trials: every ratio on every base model, at the learning rate that is best for that size."""

from collections.abc import Sequence

from sweeper.experiment.model import Experiment
from sweeper.pipeline.bases import BaseLosses
from sweeper.pipeline.compare import Comparison
from sweeper.pipeline.search import Found, objective_for
from sweeper.pipeline.session import PhaseError, Session
from sweeper.pipeline.specs import SpecFactory
from sweeper.trials.record import TrialRecord
from trainers.spec import TrialSpec

LEAST_RATIOS = 3
"""Of the model to adapt: fewer cannot show how the loss bends between them."""
RATE_FACTORS = (0.5, 1.0, 2.0)
"""Learning rates tried on smaller base models, as multiples of the last one's."""


def rate_checks(experiment: Experiment) -> int:
    """Trials for the learning rate of a smaller base model; the active design finds it among the law's own trials."""
    return 0 if experiment.design == "active" else len(RATE_FACTORS)


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
    first = [spec for spec in design(session, factory, comparison, rates) if spec.model.name == factory.target_model]
    session.run([spec for group in specs.values() for spec in group], "learning rate", before=first)
    for base, group in specs.items():
        records = [session.record(spec, "learning rate") for spec in group]
        objective = objective_for(session.experiment, losses, base)
        measured = [(objective(r.last), r.spec.learning_rate) for r in records if r.last and r.state == "completed"]
        best = min(measured)[1] if measured else setting.learning_rate
        if any(not record.is_final and record.state != "failed" for record in records):  # for want of budget
            rates[base] = best
        else:
            rates[base] = found.study.frozen(f"learning rate of {base}", lambda best=best: best)  # type: ignore[misc]
    return rates


def design(session: Session, factory: SpecFactory, comparison: Comparison, rates: dict[str, float]) -> list[TrialSpec]:
    """Every ratio on every base model that has a rate, and the replicates: a point of the last again with other seeds.

    The longest first, so that no lane works alone at the end; and of each model those first that a law can least do
    without, so that it can be fitted wherever the budget ends.
    """
    experiment, setting = session.experiment, comparison.setting
    ratios = usable_first(experiment.law.domain_ratio, comparison.ratio)
    grid = [
        factory.law(base, setting.method, rates[base], setting.lora_r, ratio, recipe=setting.recipe)
        for base in reversed(experiment.base_models)
        if base in rates
        for ratio in ratios
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
    return grid[: len(ratios)] + again + grid[len(ratios) :]


def usable_first(ratios: Sequence[float], pivot: float) -> list[float]:
    """Ratios in the order of their worth for a law: the ends, the pivot, then always the farthest from those before."""
    order = list(dict.fromkeys([min(ratios), max(ratios), pivot]))
    while len(order) < len(ratios):
        order.append(max(set(ratios) - set(order), key=lambda r: (min(abs(r - known) for known in order), r)))
    return order


def measure_law(
    session: Session, factory: SpecFactory, comparison: Comparison, rates: dict[str, float]
) -> list[TrialRecord]:
    """Train the design; a failed trial is left out of the fit and said."""
    records = session.run(design(session, factory, comparison, rates), "law")
    for record in records:
        if record.state == "failed":
            session.say(f"law trial {record.id} failed and is left out: {record.short_reason}")
    return records


def require_ratios(session: Session, base: str, records: Sequence[TrialRecord]) -> None:
    """Stop where a budget left too few ratios of the model to adapt measured to fit anything.

    Raises:
        PhaseError: with what budget would do.
    """
    target = session.experiment.target
    enough = session.experiment.law.max_tokens / 2
    usable = [r for r in records if r.last and r.last.tokens >= enough and r.state != "failed"]
    measured = {r.spec.mixture.get(target, 0.0) for r in usable if r.spec.model.name == base}
    least = min(LEAST_RATIOS, len(session.experiment.law.domain_ratio))
    if len(measured) < least and session.budget_hint:
        raise PhaseError(
            f"law: {len(measured)} ratios of {base} were measured over half of law.max_tokens, a law needs {least}"
            f"{session.budget_hint}"
        )
