"""What the trials of a run hold and compute, before any of them runs."""

import importlib.metadata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from sweeper.bases.resolve import BaseModel
from sweeper.corpora.hashes import FileHashes, digest_of
from sweeper.experiment.distributions import Categorical
from sweeper.experiment.model import Experiment
from sweeper.pipeline.law import rate_checks
from sweeper.pipeline.prepare import Inputs
from sweeper.pipeline.specs import SpecFactory
from trainers.errors import TrainerError
from trainers.estimate.estimated import ESTIMATE_VERSION, Estimate
from trainers.evaluation.evaluation_size import evaluation_size
from trainers.spec import Method, ModelRef, TrialSpec
from trainers.timetable import Timetable

_LIBRARIES = ("torch", "transformers", "peft", "bitsandbytes")
"""What an estimate depends on."""


@dataclass(frozen=True)
class Cost:
    """The dearest trials of one kind: a base model, a method and the largest rank that is searched."""

    base: str
    method: Method
    lora_r: int | None
    estimate: Estimate | None
    """None where it cannot be told before running."""
    unknown: str | None = None
    """Why."""


@dataclass(frozen=True)
class Costs:
    """What a run will hold and compute at most."""

    kinds: tuple[Cost, ...]
    flops: Mapping[str, float]
    """Floating-point operations by phase, with the dearest method where one is still to be chosen and without pruning;
    empty where a kind's are not known."""
    gpu: bool

    @property
    def total_flops(self) -> float:
        """Of all phases."""
        return sum(self.flops.values())


def find_costs(experiment: Experiment, inputs: Inputs, workers: int, gpu: bool) -> Costs:
    """Estimate each kind of trial once; what was estimated before is remembered in the cache.

    Args:
        experiment: The experiment.
        inputs: Its corpora and base models, as found; nothing needs to be made.
        workers: Of a trial.
        gpu: Whether trials run on GPUs.
    """
    factory, memory = inputs.factory(), FileHashes(inputs.cache)
    kinds = tuple(
        _cost(factory, base, method, workers, gpu, memory)
        for base in inputs.bases
        for method in experiment.search.space.methods
    )
    memory.save()
    return Costs(kinds, _flops(experiment, factory, kinds), gpu)


def _cost(factory: SpecFactory, base: BaseModel, method: Method, workers: int, gpu: bool, memory: FileHashes) -> Cost:
    rank = _largest_rank(factory.experiment) if method != "full" else None
    spec = _typical(factory, base, method, rank)
    try:
        return Cost(base.name, method, rank, _remembered(spec, workers, gpu, memory))
    except TrainerError as error:
        return Cost(base.name, method, rank, None, str(error))


def _typical(factory: SpecFactory, base: BaseModel, method: Method, rank: int | None) -> TrialSpec:
    """A trial of one step: what it holds and computes for a token is the same in trials of every length.

    A built-in model is taken by its configuration, for its checkpoint may not be there yet.
    """
    spec = factory.law(base.name, method, 1.0, rank, 0.5)
    changes = {"max_tokens": factory.step, "evaluate_at": (), "rungs": (), "corpora": (), "mixture": {}, "seed": 0}
    model = ModelRef(name=base.name, config=base.config, fingerprint=base.fingerprint) if base.builtin else base.ref
    # Unchecked: a spec to run could not adapt a model without a checkpoint.
    return spec.model_copy(update={**changes, "model": model})


def _remembered(spec: TrialSpec, workers: int, gpu: bool, memory: FileHashes) -> Estimate:
    device = "cuda" if gpu else "cpu"
    how = [spec.micro_batch_size, spec.activation_checkpointing, spec.parallel, workers, device]
    versions = {name: importlib.metadata.version(name) for name in _LIBRARIES}
    key = f"estimate-{digest_of([ESTIMATE_VERSION, versions, spec.content(), how])}"
    known = memory.recall(key)
    if known is not None:
        return Estimate.model_validate_json(known)
    from trainers.estimate.estimate import estimate  # seconds of imports, paid only here

    found = estimate(spec, workers, device)
    memory.remember(key, found.model_dump_json())
    return found


def _largest_rank(experiment: Experiment) -> int:
    searched = experiment.search.space.lora_r
    assert searched is not None  # the experiment was refused otherwise
    distribution = searched.distribution()
    return max(map(int, distribution.choices)) if isinstance(distribution, Categorical) else int(distribution.high)


def _flops(experiment: Experiment, factory: SpecFactory, kinds: tuple[Cost, ...]) -> dict[str, float]:
    """By phase; empty where a kind is not known."""
    known = {(kind.base, kind.method): kind for kind in kinds if kind.estimate is not None}
    if len(known) < len(kinds):
        return {}
    totals: dict[str, float] = {}
    for phase, number, specs in planned_trials(experiment, factory):
        dearest = max(_of(spec, known[spec.model.name, spec.method]) for spec in specs)
        totals[phase] = totals.get(phase, 0.0) + number * dearest
    return totals


def planned_trials(experiment: Experiment, factory: SpecFactory) -> Iterator[tuple[str, int, list[TrialSpec]]]:
    """Trials of one phase and base model: how many, and the same one in each method that it may have."""
    law, last = experiment.law, experiment.candidates[-1]
    adapting = [replace(factory, adapted=name) for name in experiment.candidates]
    ranks = {m: _largest_rank(experiment) if m != "full" else None for m in experiment.search.space.methods}
    yield "search", experiment.search.trials, [f.search(m, 1.0, r, 0.5) for f in adapting for m, r in ranks.items()]
    for method, rank in ranks.items():
        yield (
            "compare",
            1 + law.replicates,
            [factory.law(name, method, 1.0, rank, 0.5) for name in experiment.candidates],
        )
    for base in experiment.base_models:
        specs = [factory.law(base, m, 1.0, r, 0.5) for m, r in ranks.items()]
        # The comparison has measured one point of the last model's.
        yield "law", len(law.domain_ratio) - (base == last), specs
        if base != last:
            checks = [factory.rate_check(base, m, 1.0, r, 0.5) for m, r in ranks.items()]
            yield "learning rate", rate_checks(experiment), checks
    yield "confirm", 1, [f.confirm(m, 1.0, r, 0.5) for f in adapting for m, r in ranks.items()]


def _of(spec: TrialSpec, kind: Cost) -> float:
    assert kind.estimate is not None
    table, flops = Timetable.of(spec), kind.estimate.flops
    scored = evaluation_size(spec, table).scored_tokens
    return flops.trained_token * table.tokens(table.n_steps) + flops.scored_token * scored
