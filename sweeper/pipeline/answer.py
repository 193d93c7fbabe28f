"""The answer, in words and as plain data."""

from dataclasses import asdict, dataclass
from typing import Any

from sweeper.experiment.model import Experiment
from sweeper.experiment.quantities import format_tokens
from sweeper.pipeline.compare import Comparison
from sweeper.pipeline.confirm import Confirmation
from sweeper.pipeline.counts import Counts
from sweeper.pipeline.fit import Fitted
from trainers.messages import Exported


@dataclass(frozen=True)
class Answer:
    """What a run found out."""

    experiment: Experiment
    comparison: Comparison
    fitted: Fitted
    confirmation: Confirmation | None
    """None where only `recommend` was asked for."""

    @property
    def trust(self) -> list[str]:
        """Why not to trust the recommendation; empty: nothing found against it."""
        return list(self.fitted.recommendation.trust)

    @property
    def mixture(self) -> dict[str, float]:
        """The recommended share of each corpus."""
        ratio, parts = self.fitted.recommendation.domain_ratio, self.comparison.setting.recipe.composition
        return self.experiment.mixture(ratio, parts)

    @property
    def base_model(self) -> str:
        """The model to adapt: the one that the search chose, else the last."""
        return self.comparison.setting.base_model or self.experiment.base_models[-1]

    def sentence(self) -> str:
        """The recommendation in one sentence, and what the confirming run measured."""
        recommendation, constraint = self.fitted.recommendation, self.experiment.constraint
        target = recommendation.predicted[self.experiment.target]
        text = (
            f"Mix {recommendation.domain_ratio:.0%} {self.experiment.target} text, {self.comparison.setting.words}, "
            f"{format_tokens(self.experiment.confirm.tokens)} tokens; {constraint.corpus} loss stays within your "
            f"{constraint.max_increase:.0%} with probability {recommendation.p_constraint:.2f}; predicted "
            f"{self.experiment.target} loss {target.loss:.3f} ± {(target.high - target.low) / 2:.3f}"
        )
        if self.confirmation is None:
            return f"{text}."
        check = self.confirmation.checks[self.experiment.target]
        return (
            f"{text}; measured in the confirming run {check.measured:.3f} "
            f"(nearest measured run would have said {check.nearest:.3f})."
        )

    def lines(self) -> list[str]:
        """Predicted against measured, a line a corpus, and the constraint."""
        if self.confirmation is None:
            return []
        lines = [
            f"{name}: predicted {check.predicted:.4f} [{check.low:.4f}, {check.high:.4f}], measured "
            f"{check.measured:.4f} ({'inside' if check.covered else 'outside'} the 90 % interval; error "
            f"{check.error:+.4f}, nearest run {check.nearest_error:+.4f}); test part: predicted "
            f"{check.test_predicted:.4f}, measured {check.test_measured:.4f}"
            for name, check in self.confirmation.checks.items()
        ]
        corpus = self.experiment.constraint.corpus
        check = self.confirmation.checks[corpus]
        lines.append(
            f"constraint {'held' if self.confirmation.holds else 'broken'}: {corpus} {check.measured:.4f}, limit "
            f"{self.confirmation.limit:.4f} (base {check.base:.4f}); on the test part "
            f"{'held' if self.confirmation.test_holds else 'broken'}: {check.test_measured:.4f}, limit "
            f"{self.confirmation.test_limit:.4f}"
        )
        if self.confirmation.exported:
            lines.append(f"saved model: {exported_losses(self.confirmation.exported)}")
        return lines

    def recommendation_dict(self) -> dict[str, Any]:
        """`recommendation.json`: what to train, what is expected, how sure that is."""
        setting = self.comparison.setting
        recommendation = self.fitted.recommendation.to_dict()
        return {
            "mixture": self.mixture,
            "base_model": self.base_model,
            "method": setting.method,
            "learning_rate": setting.learning_rate,
            "lora_r": setting.lora_r,
            "trainer": setting.recipe.put_into(self.experiment.trainer),
            "max_tokens": self.experiment.confirm.tokens,
            **recommendation,
        }

    def to_dict(self, counts: Counts) -> dict[str, Any]:
        """The one object that `--json` prints."""
        recommendation = self.recommendation_dict()
        recommendation.pop("curve")
        return {
            "answer": self.sentence(),
            "do_not_trust": self.trust,
            "recommendation": recommendation,
            "confirmation": self.confirmation.to_dict() if self.confirmation else None,
            "methods": {
                "chosen": self.comparison.chosen,
                "domain_ratio": self.comparison.ratio,
                "settings": {method: asdict(setting) for method, setting in self.comparison.settings.items()},
                "loss_minus_chosen": {
                    method: {corpus: difference._asdict() for corpus, difference in by_corpus.items()}
                    for method, by_corpus in self.comparison.differences.items()
                },
            },
            "counts": counts.as_dict(),
        }


def exported_losses(exported: Exported) -> str:
    """Each corpus as trained and as saved, e.g. `bf16, measured again: code 3.0100 (trained 3.0102)`."""
    words = [
        f"{x.corpus}{' (test part)' if x.split == 'test' else ''} {x.exported:.4f} (trained {x.trained:.4f})"
        for x in exported.losses
    ]
    return f"{exported.dtype}, measured again: {', '.join(words)}"
