"""One training step: this rank's gradient, the sum over ranks, clipping, AdamW."""

import hashlib
from dataclasses import dataclass

import torch

from trainers.model.models import Model
from trainers.spec import TrialSpec
from trainers.steps.gradients import LOSS, VERDICT, FlatGradients, Gradients
from trainers.steps.optimizers import make_optimizer
from trainers.steps.sharded_gradients import ShardedGradients
from trainers.timetable import Timetable
from trainers.tokens.batches import Batches
from trainers.workers.ranks import Ranks


@dataclass(frozen=True)
class Pulse:
    """What every rank knows of a step once it is done."""

    loss: float
    """Nats per token over the global batch, before the update."""
    errors: float
    verdict: int
    grad_norm: float
    """Before clipping."""


class Stepper:
    """Takes the steps of a trial and remembers their pulses until they are read."""

    def __init__(self, spec: TrialSpec, model: Model, batches: Batches, table: Timetable, ranks: Ranks) -> None:
        self._spec, self._model, self._batches, self._table, self._ranks = spec, model, batches, table, ranks
        parameters = list(model.trainable.values())
        kind = ShardedGradients if model.sharded else FlatGradients
        self._gradients: Gradients = kind(parameters, ranks)
        self.optimizer = make_optimizer(spec, model.module, ranks.device)
        self._pulses: list[torch.Tensor] = []

    def learning_rate(self, step: int) -> float:
        """Of step `step`, counted from 0."""
        return self._spec.learning_rate * self._table.schedule.multiplier(step)

    def step(self, step: int, verdict: int) -> None:
        """Take step `step`; rank 0's `verdict` code travels with the gradients."""
        self._gradients.clear()
        self._gradients.attempt(lambda: self._accumulate(step))
        if verdict:
            self._gradients.signals[VERDICT] = verdict
        self._gradients.sum_over_ranks()
        norm = self._gradients.clip(self._spec.max_grad_norm)
        for group in self.optimizer.param_groups:
            group["lr"] = self.learning_rate(step)
        if self.optimizer.state:
            self.optimizer.step()
        else:
            # Its first step makes its state, which may not fit into memory.
            self._ranks.together(self.optimizer.step)
        self._pulses.append(torch.cat((self._gradients.signals, norm.view(1))))

    def _accumulate(self, step: int) -> None:
        """Add this rank's part of the gradient of sum nll / sum tokens of the global batch."""
        torch.manual_seed(_dropout_seed(self._spec.seed, step, self._ranks.rank))
        for windows, weight in self._gradients.micro_batches(self._batches, step):
            loss = self._model.total_nll(windows) * weight / self._table.tokens_per_step
            loss.backward()  # type: ignore[no-untyped-call]
            self._gradients.signals[LOSS] += loss.detach()

    def read(self) -> list[Pulse]:
        """The pulses since the last call; all ranks must call it at the same step, for this is where they agree.

        Raises:
            TrialFailed: a rank could not do its part of one of these steps.
        """
        rows = torch.stack(self._pulses).tolist()
        self._pulses.clear()
        pulses = [Pulse(loss, errors, round(verdict), norm) for loss, errors, verdict, norm in rows]
        if any(pulse.errors for pulse in pulses):
            self._ranks.fail(self._gradients.reason)
        return pulses


def _dropout_seed(seed: int, step: int, rank: int) -> int:
    return int.from_bytes(hashlib.sha256(f"{seed}/{step}/{rank}".encode()).digest()[:7], "big")
