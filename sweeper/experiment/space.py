"""The search space: which values are searched, and in which trials they exist."""

from collections.abc import Iterator, Mapping

from sweeper.experiment.distributions import Categorical, Field, Float, Parameter, Value
from sweeper.experiment.forms import Form
from sweeper.experiment.section import Section
from sweeper.experiment.simplex import Simplex
from sweeper.experiment.spread import (
    ADAPTERS,
    AnyBase,
    AnyCount,
    AnyMethods,
    AnyModules,
    AnyNotNegative,
    AnyPositive,
    AnySchedule,
    AnyShare,
    Method,
    Mixture,
    RateChoices,
    RateOrPerMethod,
    RatePerMethod,
    RateRange,
)

ADAPTER_FIELDS: tuple[Field, ...] = ("lora_r", "lora_alpha_ratio", "lora_target_modules")
RECIPE_FIELDS: tuple[Field, ...] = ("lr_scheduler_type", "warmup_ratio", "global_batch_size", "weight_decay")


class Space(Section):
    """What is searched. Each value may be a range `{low, high, log, step}`, `{choices: [...]}`, or fixed.

    Fields that `trainer` has too stand in for them in trials that have them; those left out stay as `trainer` says.
    """

    method: AnyMethods
    """How the base model is trained. `full`: all weights. `lora`: adapters on the base model. `qlora`: adapters on the
    base model in 4 bits (NF4)."""
    base_model: AnyBase | None = None
    """Which of `base_models` to adapt; by default the last. All choices have one tokeniser, and a trial is held against
    the limit of its own base model. Later phases adapt the one of the best trial."""
    learning_rate: RateOrPerMethod
    """Peak learning rate: one for all methods, or one for each (`{full: ..., qlora: ...}`)."""
    lora_r: AnyCount | None = None
    """Rank of the adapters; needed where `lora` or `qlora` is a choice."""
    lora_alpha_ratio: AnyPositive | None = None
    """alpha / r of the adapters."""
    lora_target_modules: AnyModules | None = None
    """Modules that get an adapter; in conditions and starting points a list is one text, as in `"q_proj,v_proj"`."""
    domain_ratio: AnyShare | None = None
    """The target's share of training tokens; the other corpora divide the rest by their weights. This, or `mixture`."""
    mixture: Mixture | None = None
    """The shares of any number of corpora, searched together so that they sum to 1 and each stays within its bounds; in
    place of `domain_ratio`. Corpora left out are evaluated only. The target's share is searched evenly over what the
    bounds leave it, and what it leaves is divided among the others. Later phases keep the division of the best trial
    while the target's share takes the values of `law.domain_ratio`; bounds are the search's and do not hold there."""
    lr_scheduler_type: AnySchedule | None = None
    """Learning rate over a trial; `cosine` and `linear` only where `trainer.lr_scheduler_type` may have them."""
    warmup_ratio: AnyShare | None = None
    """Share of the steps over which the learning rate rises to its peak."""
    global_batch_size: AnyCount | None = None
    """Sequences a step, over all workers; at most `trainer.per_device_train_batch_size` of them go through the model at
    once."""
    weight_decay: AnyNotNegative | None = None
    """AdamW's weight decay."""

    @property
    def methods(self) -> tuple[Method, ...]:
        """The methods that trials may have."""
        return self.method.choices

    @property
    def adapters(self) -> tuple[Method, ...]:
        """Those of them that have a rank."""
        return tuple(method for method in self.methods if method in ADAPTERS)

    @property
    def base_models(self) -> tuple[str, ...]:
        """The base models that trials may have; empty where it is the file's last."""
        return self.base_model.choices if self.base_model else ()

    def rates(self, method: Method) -> RateRange | RateChoices | None:
        """The learning rates of one method; None where the file gives none."""
        if isinstance(self.learning_rate, RatePerMethod):
            given: RateRange | RateChoices | None = getattr(self.learning_rate, method)
            return given
        return self.learning_rate

    def parameters(self, target: str | None = None) -> tuple[Parameter, ...]:
        """The dimensions of the space, those that others depend on first; fixed values are single choices.

        Args:
            target: The corpus to adapt to; needed where the whole mixture is searched.
        """
        return (
            Parameter("method", "method", self.method.distribution()),
            *self._plain("base_model"),
            *self._rate_parameters(),
            *(each for field in ADAPTER_FIELDS if self.adapters for each in self._plain(field)),
            *self._plain("domain_ratio"),
            *(each for field in RECIPE_FIELDS for each in self._plain(field)),
            *self._mixture_parameters(target),
        )

    def form(self, field: str) -> Form | None:
        """What the file says of a field that is one form; None where it says nothing, or something by method."""
        found = getattr(self, field, None)
        return found if isinstance(found, Form) else None

    def _plain(self, field: Field) -> Iterator[Parameter]:
        form = self.form(field)
        if form is not None:
            yield Parameter(field, field, form.distribution(), self._when(field, form.when))

    def _when(self, field: Field, given: Mapping[str, tuple[Value, ...]]) -> Mapping[str, tuple[Value, ...]]:
        """Where a field exists; adapters' fields only beside an adapter."""
        if field not in ADAPTER_FIELDS:
            return dict(given)
        named = given.get("method", self.adapters)
        return {**given, "method": tuple(method for method in self.adapters if method in named)}

    def _rate_parameters(self) -> Iterator[Parameter]:
        if not isinstance(self.learning_rate, RatePerMethod):
            yield Parameter("learning_rate", "learning_rate", self.learning_rate.distribution())
            return
        for method in self.methods:
            rates = self.rates(method)
            if rates is not None:
                yield Parameter(f"learning_rate.{method}", "learning_rate", rates.distribution(), {"method": (method,)})

    def simplex(self, target: str) -> Simplex | None:
        """The mixtures that trials may have; None where only the target's share is searched."""
        if self.mixture is None:
            return None
        return Simplex(target, tuple((name, limits.bounds) for name, limits in self.mixture.items()))

    def _mixture_parameters(self, target: str | None) -> Iterator[Parameter]:
        if self.mixture is None:
            return
        if target is None:
            raise ValueError("a mixture's dimensions begin with the target's share: say which corpus that is")
        simplex = self.simplex(target)
        assert simplex is not None
        low, high = simplex.target_bounds()
        share = Float(low, high) if low < high else Categorical((low,))
        dimensions = {target: share, **dict.fromkeys(simplex.free(), Float(0.0, 1.0))}
        yield from (Parameter(f"mixture.{name}", "mixture", each, {}, simplex) for name, each in dimensions.items())

    @property
    def fields(self) -> frozenset[str]:
        """What trials have from the space and not from the rest of the file."""
        return frozenset(name for name in type(self).model_fields if getattr(self, name) is not None)

    @property
    def searched(self) -> tuple[str, ...]:
        """Names of the parameters that have more than one value."""
        parameters = self.parameters(next(iter(self.mixture or ()), None))  # which is the target changes no number
        return tuple(parameter.name for parameter in parameters if not parameter.is_fixed)

    @property
    def is_fixed(self) -> bool:
        """Whether there is nothing to search."""
        return not self.searched
