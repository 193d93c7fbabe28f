"""From the experiment to the specs of its trials."""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

from sweeper.experiment.evaluation_budget import evaluation_tokens
from sweeper.experiment.model import Experiment
from sweeper.experiment.recipe import Recipe, composition
from sweeper.search.proposal import Proposal
from trainers.spec import CorpusRef, Lora, Method, ModelRef, Role, Schedule, TrialSpec

T = TypeVar("T")
AS_GIVEN = Recipe()
"""Nothing in place of what the file says."""
CONFIRM_SEED = 1000
"""Added to the experiment's seed for the confirming run, beyond any replicate's."""


def evaluation_points(tokens: int, step: int, fractions: Sequence[float]) -> tuple[int, ...]:
    """Tokens after the whole steps that reach `fractions` of `tokens`; rising, the last is the end."""
    points = {min(_up(fraction * tokens, step), _up(tokens, step)) for fraction in fractions}
    return tuple(sorted(points | {_up(tokens, step)}))


def law_fractions(n: int) -> tuple[float, ...]:
    """Where a law run is measured, as fractions of its tokens: denser early, where losses move fastest.

    The points k/n bent by a power of 1.5: for six .07, .19, .35, .54, .76, 1.
    """
    return tuple((k / n) ** 1.5 for k in range(1, n + 1))


def _up(tokens: float, step: int) -> int:
    return max(1, math.ceil(tokens / step - 1e-9)) * step


@dataclass(frozen=True)
class SpecFactory:
    """Builds specs; everything that all trials of an experiment share.

    Attributes:
        experiment: The experiment.
        corpora: Packed corpora of each base model's tokeniser, by base model name.
        models: Base models by name.
        precision: Compute precision of every trial.
        checkpoints: Folder under which each trial keeps its checkpoints.
        adapted: The base model that later phases adapt, where the search chooses it; None: the last.
    """

    experiment: Experiment
    corpora: Mapping[str, tuple[CorpusRef, ...]]
    models: Mapping[str, ModelRef]
    precision: Literal["fp32", "bf16"]
    checkpoints: Path
    adapted: str | None = None

    def base(self, base: str, method: Method) -> TrialSpec:
        """The base model measured as a method sees it: through NF4 for `qlora`."""
        return self._spec("base", base, method, 1.0, self._any_rank(method), 0.0, 0, seed=0, splits=("valid", "test"))

    def proposed(self, proposal: Proposal) -> TrialSpec:
        """The trial of the search that a proposal asks for."""
        return self.search(
            proposal.method,  # type: ignore[arg-type]  # the space's choices are methods
            proposal.learning_rate,
            proposal.lora_r,
            proposal.domain_ratio,
            proposal.recipe(self.experiment.target),
            proposal.base_model,
        )

    def search(
        self,
        method: Method,
        learning_rate: float,
        lora_r: int | None,
        domain_ratio: float,
        recipe: Recipe = AS_GIVEN,
        base: str | None = None,
    ) -> TrialSpec:
        """A trial of the search, on the model to adapt or on another one that the search may choose."""
        search = self.experiment.search
        rungs = evaluation_points(search.max_tokens, self.step_of(recipe), search.rungs)
        return self._spec(
            "search", base or self.target_model, method, learning_rate, lora_r, domain_ratio, search.max_tokens,
            recipe, seed=self.experiment.seed, evaluate_at=rungs, rungs=rungs[:-1],
        )  # fmt: skip

    def rate_check(
        self,
        base: str,
        method: Method,
        learning_rate: float,
        lora_r: int | None,
        ratio: float,
        recipe: Recipe = AS_GIVEN,
    ) -> TrialSpec:
        """A short trial on a smaller base model, to find its learning rate."""
        tokens, seed = self.experiment.search.max_tokens // 2, self.experiment.seed
        return self._spec("search", base, method, learning_rate, lora_r, ratio, tokens, recipe, seed=seed)

    def law(
        self,
        base: str,
        method: Method,
        learning_rate: float,
        lora_r: int | None,
        domain_ratio: float,
        replicate: int = 0,
        recipe: Recipe = AS_GIVEN,
    ) -> TrialSpec:
        """A point of the law's design; `replicate` k > 0 is the same point with another seed."""
        law = self.experiment.law
        points = evaluation_points(law.max_tokens, self.step_of(recipe), law_fractions(law.evaluations))
        seed = self.experiment.seed + replicate
        return self._spec(
            "law", base, method, learning_rate, lora_r, domain_ratio, law.max_tokens, recipe,
            seed=seed, evaluate_at=points, rungs=self._stops(points),
        )  # fmt: skip

    def confirm(
        self,
        method: Method,
        learning_rate: float,
        lora_r: int | None,
        domain_ratio: float,
        recipe: Recipe = AS_GIVEN,
    ) -> TrialSpec:
        """The recommendation, trained once with a seed that nothing else has, and measured on the test part too."""
        tokens = self.experiment.confirm.tokens
        points = evaluation_points(tokens, self.step_of(recipe), law_fractions(self.experiment.law.evaluations))
        return self._spec(
            "confirm", self.target_model, method, learning_rate, lora_r, domain_ratio, tokens, recipe,
            seed=self.experiment.seed + CONFIRM_SEED, evaluate_at=points, splits=("valid", "test"),
            rungs=self._stops(points),
        )  # fmt: skip

    def _stops(self, points: tuple[int, ...]) -> tuple[int, ...]:
        """Evaluations at which a trial asks whether the budget lets it go on; none without a budget."""
        return points[:-1] if self.experiment.budget else ()

    @property
    def target_model(self) -> str:
        """The base model to adapt: the one that the search chose, else the last."""
        return self.adapted or self.experiment.base_models[-1]

    @property
    def step(self) -> int:
        """Training tokens a step, where the search has not chosen another batch."""
        return self.step_of(AS_GIVEN)

    def step_of(self, recipe: Recipe) -> int:
        """Training tokens a step of a recipe."""
        trainer = self.experiment.trainer
        return recipe.step(trainer) * trainer.max_seq_length

    def _any_rank(self, method: Method) -> int | None:
        return 8 if method != "full" else None

    def _spec(
        self,
        role: Role,
        base: str,
        method: Method,
        learning_rate: float,
        lora_r: int | None,
        domain_ratio: float,
        tokens: int,
        recipe: Recipe = AS_GIVEN,
        *,
        seed: int,
        evaluate_at: tuple[int, ...] = (),
        rungs: tuple[int, ...] = (),
        splits: tuple[Literal["valid", "test"], ...] = ("valid",),
    ) -> TrialSpec:
        trainer = self.experiment.trainer
        spec = TrialSpec(
            role=role,
            model=self.models[base],
            method=method,
            lora=self._lora(lora_r, recipe) if method != "full" else None,
            learning_rate=learning_rate,
            schedule=self._schedule(recipe),
            optimizer=trainer.optimizer,
            weight_decay=_given(recipe.weight_decay, trainer.weight_decay),
            max_grad_norm=trainer.max_grad_norm,
            adam_betas=(trainer.adam_beta1, trainer.adam_beta2),
            corpora=self.corpora[base],
            mixture=self.experiment.mixture(domain_ratio, recipe.composition) if tokens else {},
            max_tokens=tokens,
            max_seq_length=trainer.max_seq_length,
            global_batch_size=recipe.step(trainer),
            document_mask=trainer.document_mask,
            seed=seed,
            precision=self.precision,
            evaluate_at=evaluate_at,
            evaluation_tokens=evaluation_tokens(self.experiment),
            evaluation_share=None,
            evaluation_splits=splits,
            rungs=rungs,
            micro_batch_size=trainer.per_device_train_batch_size,
            auto_batch=trainer.auto_batch,
            activation_checkpointing=trainer.activation_checkpointing,
            torch_compile=trainer.torch_compile,
            parallel=trainer.parallel,
            checkpoint_seconds=self.experiment.resources.checkpoint_seconds,
        )
        return spec.model_copy(update={"checkpoint_path": str(self.checkpoints / spec.id)}) if tokens else spec

    def _schedule(self, recipe: Recipe) -> Schedule:
        trainer = self.experiment.trainer
        kind = _given(recipe.lr_scheduler_type, trainer.lr_scheduler_type)
        warmup = _given(recipe.warmup_ratio, trainer.warmup_ratio)
        return Schedule(
            type=kind,
            warmup_ratio=warmup,
            # What belongs to a part that this trial's schedule does not have is left out.
            start_ratio=trainer.warmup_start_ratio if warmup > 0 else 0.0,
            decay_ratio=trainer.decay_ratio,
            decay_shape=trainer.decay_shape,
            min_ratio=trainer.min_lr_ratio if kind != "constant" else 0.0,
        )

    def _lora(self, lora_r: int | None, recipe: Recipe) -> Lora:
        if lora_r is None:
            raise ValueError("an adapter needs a rank")
        trainer = self.experiment.trainer
        return Lora(
            r=lora_r,
            alpha=_given(recipe.lora_alpha_ratio, trainer.lora_alpha_ratio) * lora_r,
            dropout=trainer.lora_dropout,
            target_modules=_given(recipe.target_modules, trainer.target_modules),
            use_rslora=trainer.use_rslora,
            train_embeddings=trainer.lora_train_embeddings,
            train_norms=trainer.lora_train_norms,
        )


def recipe_of(spec: TrialSpec, target: str, fields: Collection[str]) -> Recipe:
    """The recipe that a trial was trained by, of the fields that the space names; the others stay as the file says."""
    lora, schedule = spec.lora, spec.schedule
    modules = None if lora is None else lora.target_modules
    found: dict[str, Any] = {
        "lora_alpha_ratio": None if lora is None else lora.alpha / lora.r,
        "lora_target_modules": ",".join(modules) if isinstance(modules, tuple) else modules,
        "lr_scheduler_type": schedule.type,
        "warmup_ratio": schedule.warmup_ratio,
        "global_batch_size": spec.global_batch_size,
        "weight_decay": spec.weight_decay,
    }
    parts = composition(spec.mixture, target) if "mixture" in fields else None
    return Recipe(**{name: value for name, value in found.items() if name in fields}, composition=parts)


def _given(value: T | None, otherwise: T) -> T:
    return otherwise if value is None else value
