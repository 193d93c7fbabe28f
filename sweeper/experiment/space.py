"""The search space: which values are searched, and in which trials they exist."""

from collections.abc import Iterator, Mapping

from sweeper.experiment.distributions import Parameter
from sweeper.experiment.section import Section
from sweeper.experiment.spread import (
    ADAPTERS,
    AnyMethods,
    AnyRank,
    AnyRatio,
    Method,
    RateChoices,
    RateOrPerMethod,
    RatePerMethod,
    RateRange,
)


class Space(Section):
    """What is searched. Each value may be a range `{low, high, log}`, `{choices: [...]}`, or fixed."""

    method: AnyMethods
    """How the base model is trained."""
    learning_rate: RateOrPerMethod
    """Peak learning rate: one for all methods, or one for each (`{full: ..., qlora: ...}`)."""
    lora_r: AnyRank | None = None
    """Rank of the adapters; needed where `lora` or `qlora` is a choice."""
    domain_ratio: AnyRatio
    """The target's share of training tokens."""

    @property
    def methods(self) -> tuple[Method, ...]:
        """The methods that trials may have."""
        return self.method.choices

    @property
    def adapters(self) -> tuple[Method, ...]:
        """Those of them that have a rank."""
        return tuple(method for method in self.methods if method in ADAPTERS)

    def rates(self, method: Method) -> RateRange | RateChoices | None:
        """The learning rates of one method; None where the file gives none."""
        if isinstance(self.learning_rate, RatePerMethod):
            given: RateRange | RateChoices | None = getattr(self.learning_rate, method)
            return given
        return self.learning_rate

    def parameters(self) -> tuple[Parameter, ...]:
        """The dimensions of the space, those that others depend on first; fixed values are single choices."""
        rank = self.lora_r if self.adapters else None
        return (
            Parameter("method", "method", self.method.distribution()),
            *self._rate_parameters(),
            *([] if rank is None else [Parameter("lora_r", "lora_r", rank.distribution(), {"method": self.adapters})]),
            Parameter("domain_ratio", "domain_ratio", self.domain_ratio.distribution()),
        )

    def _rate_parameters(self) -> Iterator[Parameter]:
        if not isinstance(self.learning_rate, RatePerMethod):
            yield Parameter("learning_rate", "learning_rate", self.learning_rate.distribution())
            return
        for method in self.methods:
            rates = self.rates(method)
            if rates is not None:
                yield Parameter(f"learning_rate.{method}", "learning_rate", rates.distribution(), {"method": (method,)})

    @property
    def fields(self) -> frozenset[str]:
        """What trials have from the space and not from the rest of the file."""
        return frozenset(parameter.field for parameter in self.parameters())

    @property
    def mixture(self) -> Mapping[str, object] | None:
        """Bounds by corpus, where the whole mixture is searched."""
        return None

    @property
    def base_models(self) -> tuple[str, ...]:
        """The base models that trials may have; empty where it is the file's last."""
        return ()

    @property
    def searched(self) -> tuple[str, ...]:
        """Names of the parameters that have more than one value."""
        return tuple(parameter.name for parameter in self.parameters() if not parameter.is_fixed)

    @property
    def is_fixed(self) -> bool:
        """Whether there is nothing to search."""
        return not self.searched
