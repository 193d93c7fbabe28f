"""What a run will do, before it does it: trials by phase, tokens, epochs, what is there already, how long it takes."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from sweeper.experiment.model import Experiment
from sweeper.pipeline.done import count_done
from sweeper.pipeline.law import rate_checks
from sweeper.pipeline.prepare import Inputs
from sweeper.pipeline.specs import law_fractions
from sweeper.spending.pace import EVALUATION_COST, GUESSED_SPEED
from sweeper.trials.record import TrialRecord

START_SECONDS = 30.0
"""Ray and warm lanes, on two cores."""


@dataclass(frozen=True)
class PlannedPhase:
    """One kind of trial."""

    name: str
    trials: int
    tokens: int
    """Training tokens of one trial."""
    done: int
    work: float
    """Parameters times tokens of all its trials, evaluation included."""

    @property
    def left(self) -> float:
        """The part of `work` still to do."""
        return self.work * (1 - self.done / self.trials) if self.trials else 0.0


@dataclass(frozen=True)
class Plan:
    """A look ahead."""

    phases: tuple[PlannedPhase, ...]
    epochs: dict[str, float]
    """Passes over each corpus' training text that the trial which uses it most makes."""
    speed: float
    """Parameters times tokens a second of one lane."""
    speed_measured: bool
    lanes: int
    sizes: dict[str, float]
    """Parameters by base model."""

    @property
    def tokens(self) -> int:
        """Training tokens of all trials."""
        return sum(phase.trials * phase.tokens for phase in self.phases)

    @property
    def seconds(self) -> float:
        """How long what is left takes, about; pruning makes it shorter."""
        left = sum(phase.left for phase in self.phases)
        return left / (self.speed * self.lanes) + START_SECONDS if left else 0.0


def make_plan(experiment: Experiment, inputs: Inputs, records: Iterable[TrialRecord], lanes: int, gpu: bool) -> Plan:
    """Plan an experiment.

    Args:
        experiment: The experiment.
        inputs: Its corpora and base models, as found.
        records: Trials there are already.
        lanes: Trials at a time.
        gpu: Whether they run on GPUs.
    """
    known = list(records)
    measured = _measured_speed(known)
    return Plan(
        phases=tuple(_phases(experiment, inputs, known)),
        epochs=_epochs(experiment, inputs),
        speed=measured or GUESSED_SPEED["gpu" if gpu else "cpu"],
        speed_measured=measured is not None,
        lanes=lanes,
        sizes={base.name: float(base.params or 1) for base in inputs.bases},
    )


def _phases(experiment: Experiment, inputs: Inputs, records: list[TrialRecord]) -> list[PlannedPhase]:
    sizes = {base.name: float(base.params or 1) for base in inputs.bases}
    target = max(sizes[name] for name in experiment.candidates)
    methods, law = experiment.search.space.methods, experiment.law
    views = 2 if "qlora" in methods else 1
    ratios, seeds, smaller = len(law.domain_ratio), 1 + law.replicates, len(sizes) - 1
    evaluations = len(law_fractions(law.evaluations))
    there = count_done(experiment, inputs.factory(), records)

    def phase(name: str, trials: int, tokens: int, evaluated: int, size: float) -> PlannedPhase:
        scored = evaluated * len(experiment.corpora) * experiment.evaluation.max_tokens
        work = trials * (tokens + EVALUATION_COST * scored) * size
        return PlannedPhase(name, trials, tokens, min(there[name], trials), work)

    small = sum(sizes.values()) - target
    pretraining = sum(sizes[name] for name in inputs.missing_bases) / max(1, len(inputs.missing_bases))
    search_points = len(experiment.search.rungs) + 1
    return [
        phase("pre-training", len(inputs.missing_bases), experiment.pretraining.tokens, 1, pretraining),
        phase("base loss", views * len(sizes), 0, 2, sum(sizes.values()) / len(sizes)),
        phase("search", experiment.search.trials, experiment.search.max_tokens, search_points, target),
        phase("compare", len(methods) * seeds, law.max_tokens, evaluations, target),
        phase(
            "learning rate",
            rate_checks(experiment) * smaller,
            experiment.search.max_tokens // 2,
            1,
            small / max(1, smaller),
        ),
        phase(
            "law",
            ratios * len(sizes) - 1,  # the comparison has measured one point and the replicates
            law.max_tokens,
            evaluations,
            (ratios * sum(sizes.values()) - target) / max(1, ratios * len(sizes) - 1),
        ),
        phase("confirm", 1, experiment.confirm.tokens, evaluations + 1, target),
    ]


def _measured_speed(records: list[TrialRecord]) -> float | None:
    """The median over trained trials of parameters times tokens a second, evaluation included."""
    speeds = sorted(
        r.finished.params * r.finished.tokens / r.finished.seconds
        for r in records
        if r.finished is not None and r.finished.tokens > 0 and r.finished.seconds > 0
    )
    return speeds[len(speeds) // 2] if speeds else None


def _epochs(experiment: Experiment, inputs: Inputs) -> dict[str, float]:
    """Only corpora that are packed have a known length; the others are left out."""
    law, confirm = experiment.law, experiment.confirm
    uses = [(ratio, law.max_tokens) for ratio in law.domain_ratio]
    uses += [(ratio, confirm.tokens) for ratio in (min(law.domain_ratio), max(law.domain_ratio))]
    prepared = inputs.prepared(inputs.adapted_base)
    return {
        name: max(_most(experiment, name, ratio) * tokens for ratio, tokens in uses)
        / max(1, corpus.counts["train"].tokens)
        for name, corpus in prepared.items()
    }


def _most(experiment: Experiment, name: str, ratio: float) -> float:
    """The largest share that a corpus may have beside a target's: all that it leaves, where all are searched."""
    mixed = experiment.search.space.mixture
    if mixed is None or name == experiment.target:
        return experiment.mixture(ratio).get(name, 0.0)
    return 1.0 - ratio if name in mixed else 0.0


def format_seconds(seconds: float) -> str:
    """`45 s`, `8 min`, `3.5 h`."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{math.ceil(seconds / 60)} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
