"""Starting values for a model of a given size, and how a token budget is divided among the phases."""

from dataclasses import dataclass

from sweeper.experiment.errors import ExperimentError
from sweeper.experiment.model_size import ModelSize
from sweeper.experiment.quantities import format_tokens
from sweeper.experiment.spread import Method

LAW_RATIOS = (0.0, 0.1, 0.33, 0.67, 1.0)
REPLICATES = 1
TRIALS = 16
COMPARED = 2
"""Trials at the law's budget beside the law's own: the best of each of two methods, trained again to compare them."""
LAW_PER_SEARCH, CONFIRM_PER_SEARCH = 2.0, 3.0
"""Budgets of a law trial and of the confirming run, in search trials; the latter stays within twice the former, beyond
which laws are not to be trusted."""
UNITS = TRIALS + LAW_PER_SEARCH * (len(LAW_RATIOS) + REPLICATES + COMPARED) + CONFIRM_PER_SEARCH
"""All trials together, in search trials that run to their end (pruned ones take less)."""
DEFAULT_STEPS, LEAST_STEPS = 200, 20
"""Steps of a search trial: by default, and the fewest that say anything about a learning rate."""

Range = tuple[float, float]


@dataclass(frozen=True)
class Recipe:
    """What suits models up to a size."""

    up_to: float
    """Parameters, exclusive."""
    methods: tuple[Method, ...]
    rates: dict[Method, Range]
    """Peak learning rates, low and high."""
    ranks: tuple[int, ...]
    length: int
    """Sequence length in tokens."""
    batch: int
    accumulation: int


# Published best rates of LoRA are 1, 4, 10 and 33 times those of full training, by setting; LoRA's best rate moves
# little with size (1e-4 to 1e-3 for 0.6 B to 32 B), that of full training falls with it (1e-5 at 7 B). So the ranges
# are wide, full's falls with the size and the adapters' hardly does.
RECIPES = (
    Recipe(
        20e6,
        ("full", "qlora"),
        {"full": (1e-4, 1e-2), "qlora": (3e-4, 3e-2)},
        ranks=(4, 8, 16),
        length=128,
        batch=8,
        accumulation=1,
    ),
    Recipe(
        500e6,
        ("full", "qlora"),
        {"full": (2e-5, 2e-3), "qlora": (1e-4, 5e-3)},
        ranks=(8, 16, 32),
        length=512,
        batch=8,
        accumulation=1,
    ),
    Recipe(
        3e9,
        ("full", "qlora"),
        {"full": (5e-6, 5e-4), "qlora": (5e-5, 2e-3)},
        ranks=(16, 32, 64),
        length=1024,
        batch=4,
        accumulation=4,
    ),
    Recipe(
        float("inf"),
        ("lora", "qlora"),
        {"lora": (3e-5, 2e-3), "qlora": (3e-5, 2e-3)},
        ranks=(16, 64, 128),
        length=2048,
        batch=2,
        accumulation=8,
    ),
)


@dataclass(frozen=True)
class Defaults:
    """What an experiment file is written with."""

    recipe: Recipe
    length: int
    """Sequence length, no longer than the model reads."""
    search_tokens: int
    law_tokens: int
    confirm_tokens: int

    @property
    def total_tokens(self) -> int:
        """Training tokens of all trials together, none pruned."""
        return round(UNITS * self.search_tokens)


def defaults_for(size: ModelSize, total: int | None) -> Defaults:
    """Values for a model, its trials together within `total` training tokens (None: what suits its size).

    Raises:
        ExperimentError: the budget leaves a search trial fewer than `LEAST_STEPS` steps.
    """
    recipe = next(recipe for recipe in RECIPES if size.parameters < recipe.up_to)
    length = min(recipe.length, size.max_positions or recipe.length)
    step = length * recipe.batch * recipe.accumulation
    search = budget(DEFAULT_STEPS * step if total is None else total / UNITS)
    if search < LEAST_STEPS * step:
        least = budget(1.05 * UNITS * LEAST_STEPS * step, up=True)
        raise ExperimentError(
            f"--tokens: {format_tokens(total or 0)} is too few: {UNITS:g} search trials' worth of steps of {step} "
            f"tokens need at least {format_tokens(least)}; give more, or leave "
            "--tokens out and make the steps smaller in the file"
        )
    return Defaults(recipe, length, search, budget(LAW_PER_SEARCH * search), budget(CONFIRM_PER_SEARCH * search))


def budget(tokens: float, up: bool = False) -> int:
    """A budget rounded to two digits, downwards or `up`, so that it reads well."""
    whole = int(tokens)
    scale = int(10 ** max(0, len(str(whole)) - 2))
    return (whole // scale + (1 if up and whole % scale else 0)) * scale
