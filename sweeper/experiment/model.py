"""The experiment: one YAML file, read and checked."""

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError, model_validator
from pydantic_core import InitErrorDetails

from sweeper.experiment.budget import Budget
from sweeper.experiment.checks import find_problems
from sweeper.experiment.corpora import Corpus, Pretraining
from sweeper.experiment.phases import Confirm, Constraint, Evaluation, Law, Search
from sweeper.experiment.resources import Resources, Tracking
from sweeper.experiment.section import Allowed, FrozenDict, Section, Whole, one_or_many, problem, unique
from sweeper.experiment.trainer import Trainer

NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]*$"
"""Names become folders, tags and metric keys."""
Name = Annotated[str, Field(pattern=NAME, max_length=100), Allowed("text of letters, digits, `-`, `_`, `.`")]
Corpora = Annotated[
    Mapping[Name, Corpus],
    Field(min_length=2),
    AfterValidator(FrozenDict),
    Allowed("two or more, by name; a plain string is the `source`"),
]
BaseModels = Annotated[
    tuple[Annotated[str, Field(min_length=1)], ...],
    BeforeValidator(one_or_many),
    Field(min_length=1),
    AfterValidator(unique("base model")),
    Allowed("`builtin:NAME`, a folder, or a Hugging Face name"),
]


class Experiment(Section):
    """One experiment: corpora, base models, what to search, budgets and the constraint.

    Raises:
        pydantic.ValidationError: when built directly; `parse_experiment` and `load_experiment` say it in plain lines.
    """

    name: Name
    """Names the output folder (`runs/NAME`) and the tracked runs."""
    seed: Annotated[Whole, Field(ge=0)] = 0
    """Decides every random choice: data order, initial adapters, the sampler."""
    corpora: Corpora
    """The texts to mix and to evaluate on."""
    target: Name
    """The corpus to adapt to; `domain_ratio` is its share of training tokens."""
    base_models: BaseModels
    """Checkpoints to start from, from small to large: the sizes that the laws see. The last is the one to adapt."""
    pretraining: Pretraining = Pretraining()
    """How built-in base models are made."""
    trainer: Trainer = Trainer()
    """The recipe that all trials share."""
    design: Literal["fixed", "active"] = "fixed"
    """How runs are chosen. `fixed`: the sampler and the pruner search, and the law has every ratio on every base model.
    `active`: partial runs are extrapolated, and at every evaluation the run that is expected to lower the loss of the
    recommendation most for its cost goes on, in the search and among the law's; `search.sampler` and `search.pruner`
    are not used, and `search.trials` times `search.max_tokens` is what the search may train on in all. It stops early
    where no run can change the answer any more."""
    search: Search
    """The search."""
    law: Law
    """The law's trials."""
    constraint: Constraint
    """What must not be lost."""
    confirm: Confirm
    """The confirming run."""
    budget: Annotated[Budget, Allowed("as in `{tokens: 20M}`, `{gpu_hours: 200}`; none: no bound")] | None = None
    """What all of it may spend."""
    evaluation: Evaluation = Evaluation()
    """How losses are measured."""
    resources: Annotated[Resources, Allowed("`auto`, or a mapping as in `{lanes: 2}`")] = Resources()
    """Where it runs."""
    tracking: Tracking = Tracking()
    """Where runs are tracked."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        found = [InitErrorDetails(type=problem(p.message), loc=p.path, input=None) for p in find_problems(self)]
        if found:
            raise ValidationError.from_exception_data("Experiment", found)
        return self

    @property
    def others(self) -> tuple[str, ...]:
        """The corpora beside the target, in the file's order."""
        return tuple(name for name in self.corpora if name != self.target)

    def role(self, corpus: str) -> Literal["general", "domain"]:
        """What a corpus is in tables: as the file says, else `domain` for the target and `general` for the others."""
        return self.corpora[corpus].role or ("domain" if corpus == self.target else "general")

    @property
    def candidates(self) -> tuple[str, ...]:
        """The base models of which one is adapted: those that the search may choose, else the last."""
        return self.search.space.base_models or self.base_models[-1:]

    def mixture(self, domain_ratio: float, composition: Mapping[str, float] | None = None) -> dict[str, float]:
        """The share of training tokens of each corpus that is trained on, summing to 1.

        The target has `domain_ratio`; the rest is divided by the other corpora's weights. Corpora without a share are
        left out, as they are evaluated only.

        Args:
            domain_ratio: The target's share.
            composition: How the rest is divided in place of the weights: parts by corpus that sum to 1.
        """
        parts = self._weights() if composition is None else composition
        total = sum(parts.values())
        rest = {name: (1.0 - domain_ratio) * parts.get(name, 0.0) / total for name in self.others}
        return {name: share for name, share in {**rest, self.target: domain_ratio}.items() if share > 0}

    def _weights(self) -> dict[str, float]:
        """Weights of the other corpora, of those alone that the search mixes where it searches the whole mixture."""
        mixed = self.search.space.mixture
        return {name: self.corpora[name].weight for name in self.others if mixed is None or name in mixed}

    def pretraining_mixture(self) -> dict[str, float]:
        """The share of pre-training tokens of each text that built-in base models are made from, summing to 1."""
        names = self.pretraining.corpora
        weights = {name: self.corpora[name].weight if name in self.corpora else 1.0 for name in names}
        total = sum(weights.values())
        return {name: weight / total for name, weight in weights.items() if weight > 0}
