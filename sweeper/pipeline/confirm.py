"""The confirming run, and predicted against measured."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sweeper.pipeline.bases import BaseLosses
from sweeper.pipeline.compare import Comparison
from sweeper.pipeline.fit import Fitted
from sweeper.pipeline.session import Session
from sweeper.pipeline.specs import SpecFactory
from sweeper.trials.record import TrialRecord
from trainers.messages import Exported
from trainers.spec import TrialSpec


@dataclass(frozen=True)
class CorpusCheck:
    """One corpus: what was said before the run, and what the run gave. Nats per token."""

    corpus: str
    predicted: float
    low: float
    high: float
    """90 % interval of a single new run."""
    measured: float
    covered: bool
    """Whether the interval holds the measured loss."""
    nearest: float
    """What the nearest measured law run says without any law."""
    base: float
    """Before adaptation, unquantised."""
    test_predicted: float
    """The predicted change, relative, put on the base model's loss on the test part."""
    test_measured: float
    test_base: float

    @property
    def error(self) -> float:
        """Measured minus predicted."""
        return self.measured - self.predicted

    @property
    def nearest_error(self) -> float:
        """Measured minus what the nearest run says."""
        return self.measured - self.nearest


@dataclass(frozen=True)
class Confirmation:
    """The confirming run."""

    record: TrialRecord
    checks: dict[str, CorpusCheck]
    limit: float
    """Nats that the constrained corpus was to stay below."""
    holds: bool
    test_limit: float
    test_holds: bool
    """The same on the untouched test part."""

    @property
    def exported(self) -> Exported | None:
        """What its model measured once it was saved; None where the run is older than exports."""
        return self.record.finished.exported if self.record.finished else None

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types."""
        checks = {
            name: asdict(check) | {"error": check.error, "nearest_error": check.nearest_error}
            for name, check in self.checks.items()
        }
        return {
            "trial": self.record.id,
            "constraint_limit": self.limit,
            "constraint_held": self.holds,
            "test_constraint_limit": self.test_limit,
            "test_constraint_held": self.test_holds,
            "corpora": checks,
            "exported": self.exported.model_dump(mode="json") if self.exported else None,
        }


def confirm(
    session: Session, factory: SpecFactory, losses: BaseLosses, comparison: Comparison, fitted: Fitted
) -> Confirmation | None:
    """Train the recommendation once, with a seed that no other trial has, and hold it against the prediction.

    Returns:
        None where the budget did not let it come to its end.

    Raises:
        PhaseError: the run failed.
    """
    spec = confirm_spec(factory, comparison, fitted, session.workspace.model)
    record = session.run([spec], "confirm")[0]
    session.require([record], "the confirming run")
    if record.state != "completed":
        return None
    checks = _checks(record, list(fitted.laws.corpora), losses, fitted, factory.target_model)
    constraint = session.experiment.constraint
    check, allowed = checks[constraint.corpus], 1.0 + constraint.max_increase
    return Confirmation(
        record=record,
        checks=checks,
        limit=allowed * check.base,
        holds=check.measured <= allowed * check.base,
        test_limit=allowed * check.test_base,
        test_holds=check.test_measured <= allowed * check.test_base,
    )


def confirm_spec(factory: SpecFactory, comparison: Comparison, fitted: Fitted, model: Path) -> TrialSpec:
    """The confirming run's trial; what it trains is kept in the folder `model`, the only one of all trials."""
    setting, ratio = comparison.setting, fitted.recommendation.domain_ratio
    spec = factory.confirm(setting.method, setting.learning_rate, setting.lora_r, ratio, setting.recipe)
    return spec.model_copy(update={"export_path": str(model)})


def _checks(
    record: TrialRecord, corpora: Sequence[str], losses: BaseLosses, fitted: Fitted, base: str
) -> dict[str, CorpusCheck]:
    from sweeper.laws import nearest_measured

    assert record.last is not None
    method, recommendation = record.spec.method, fitted.recommendation
    checks = {}
    for corpus in corpora:
        predicted, measured = recommendation.predicted[corpus], record.last.loss(corpus)
        seen = losses.loss(base, corpus, method)
        checks[corpus] = CorpusCheck(
            corpus=corpus,
            predicted=predicted.loss,
            low=predicted.low,
            high=predicted.high,
            measured=measured,
            covered=predicted.low <= measured <= predicted.high,
            nearest=nearest_measured(
                fitted.table,
                corpus=corpus,
                tokens=recommendation.tokens,
                domain_ratio=recommendation.domain_ratio,
                params=recommendation.params,
                method=method,
            ),
            base=losses.loss(base, corpus),
            test_predicted=predicted.loss / seen * losses.loss(base, corpus, method, "test"),
            test_measured=record.last.loss(corpus, "test"),
            test_base=losses.loss(base, corpus, split="test"),
        )
    return checks
