"""One trial, from its spec to its end: steps, measurements, verdicts, checkpoints."""

import gc
import logging
import time
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Literal

import torch

from trainers.errors import TrialFailed
from trainers.evaluation.measurer import Measurer
from trainers.folders import refuse_unusable_folders
from trainers.messages import Exported, Failure, Finished, Message, Resumed, Trouble, Verdict
from trainers.model.models import build
from trainers.model.sharding import gathered, is_sharded
from trainers.progress import ProgressClock
from trainers.publishing.export import check_place, export
from trainers.spec import TrialSpec
from trainers.state import checkpoint
from trainers.state.branches import Branches
from trainers.state.keeper import Keeper
from trainers.steps.guards import Guards
from trainers.steps.optimizers import refuse_without_gpu
from trainers.steps.out_of_memory import BUILDING, EXPORTING, WHATEVER_THE_BATCH, explained, half_micro_batch
from trainers.steps.stepper import Stepper
from trainers.timetable import Timetable
from trainers.tokens.batches import Batches, open_corpora
from trainers.vocabulary import refuse_foreign_tokens
from trainers.workers import memory
from trainers.workers.first_rank import on_first_rank
from trainers.workers.ranks import Ranks, is_out_of_memory, reason_of

log = logging.getLogger(__name__)
Report = Callable[[Message], Verdict]
Action = Literal["continue", "stop", "pause"]
_ACTIONS: tuple[Action, ...] = ("continue", "stop", "pause")
_READ_EVERY = {"cpu": 1, "cuda": 10}
"""Steps between two looks at the signals: a look makes the host wait for the GPU."""


def run_trial(spec: TrialSpec, report: Report) -> Finished | Failure:
    """Run one trial and delete its checkpoints where it is over; otherwise as `run_and_keep`."""
    end = run_and_keep(spec, report)
    over = end.state != "paused" if isinstance(end, Finished) else end.cause == "diverged"
    if over and spec.checkpoint_path is not None and Ranks.current().first:
        checkpoint.remove(Path(spec.checkpoint_path))
    return end


def run_and_keep(spec: TrialSpec, report: Report) -> Finished | Failure:
    """Run one trial on this process, or on all processes of the initialised default group, which all must call it.

    Its checkpoints stay: whoever takes note of its end deletes them after that, so that a crash in between costs no
    more than one anywhere else.

    Args:
        spec: what to train; the same on every rank.
        report: takes each `Measurement`, `Progress`, `Resumed` and `Trouble` and answers it; called on rank 0 only,
            and may block.

    Returns:
        How it ended, the same on every rank but for times and memory; `report` has not seen this message. An error that
        breaks the group itself (a peer died) or comes out of `report` is raised: no agreement is possible any more.

    With `auto_batch`, a trial whose batch does not fit begins again, from its checkpoint or from its start, with half
    the micro-batch; measurements may then be reported a second time.
    """
    ranks = Ranks.current()
    while True:
        end, doing = _attempt(spec, report, ranks)
        if isinstance(end, Finished) or end.cause != "out_of_memory":
            return end
        smaller = half_micro_batch(spec, ranks.size) if spec.auto_batch and doing not in WHATEVER_THE_BATCH else None
        if smaller is None:
            return end
        if ranks.first:
            log.warning("trial %s: %s", spec.id, end.reason)
            size, batch = smaller.micro_batch_size, spec.global_batch_size
            log.warning(
                "trial %s: trying again with micro_batch_size %d; a step stays %d sequences", spec.id, size, batch
            )
        spec = smaller


def _attempt(spec: TrialSpec, report: Report, ranks: Ranks) -> tuple[Finished | Failure, str]:
    """One attempt, from the last checkpoint or the beginning, and what it was doing when it ended."""
    trial: Trial | None = None
    try:
        memory.reset_peak(ranks.device)
        trial = ranks.together(lambda: Trial(spec, report, ranks))
        return trial.run(), trial.doing
    except TrialFailed as failed:
        return _failure(failed, trial, spec, ranks)
    except Exception as error:
        # Where there are peers they know nothing of it: an error outside of what all ranks agree on ends the group.
        if ranks.size > 1 or not is_out_of_memory(error):
            raise
        return _failure(TrialFailed(*reason_of(error)), trial, spec, ranks)
    finally:
        trial = None
        _give_memory_back(ranks.device)


def _failure(failed: TrialFailed, trial: "Trial | None", spec: TrialSpec, ranks: Ranks) -> tuple[Failure, str]:
    """What every rank says of the end that all have agreed on, and what the trial was doing."""
    doing, tokens = (BUILDING, 0) if trial is None else (trial.doing, trial.tokens)
    reason = failed.reason
    if failed.cause == "out_of_memory":
        peak = max(ranks.all_of(memory.peak_bytes(ranks.device)))
        reason = explained(reason, doing, peak, spec, ranks.size)
    return Failure(cause=failed.cause, reason=reason, tokens=tokens, repeatable=failed.repeatable), doing


def _give_memory_back(device: torch.device) -> None:
    gc.collect()  # models hold cycles; the next trial of a warm worker needs their memory
    if device.type == "cuda":
        torch.cuda.empty_cache()


class Trial:
    """The state of a running trial on one rank.

    Raises:
        TrainerError: the spec cannot be trained as it stands.
    """

    def __init__(self, spec: TrialSpec, report: Report, ranks: Ranks) -> None:
        self._began = time.perf_counter()
        self._spec, self._report, self._ranks = spec, report, ranks
        self._table = Timetable.of(spec)
        refuse_without_gpu(spec, ranks.device)
        refuse_unusable_folders(spec)
        check_place(spec)
        self._corpora = open_corpora(spec)
        self._exported: Exported | None = None
        self._batches = Batches(spec, self._corpora, self._table, ranks)
        self._measurer = Measurer(spec, self._table, self._corpora, self._batches, ranks)
        self._model = build(spec, ranks.device, is_sharded(spec, ranks))
        refuse_foreign_tokens(spec, self._corpora, self._batches, self._model.vocabulary)
        self._guards = Guards(self._model.vocabulary, trained=spec.model.path is not None)
        self.keeper = Keeper(spec.checkpoint_path, spec.id, ranks, spec.checkpoint_seconds)
        self._branches = Branches(spec, self._table, ranks)
        self._step = self._first_step = 0
        self._verdict: Action = "continue"
        self._evaluation_seconds = self._waiting_seconds = 0.0
        self.doing = BUILDING
        """For the failure's reason."""

    @cached_property
    def _stepper(self) -> Stepper:
        # Made late: a trial that only measures needs neither gradients nor an optimiser.
        return Stepper(self._spec, self._model, self._batches, self._table, self._ranks)

    @property
    def tokens(self) -> int:
        """Training tokens so far."""
        return self._table.tokens(self._step)

    def run(self) -> Finished:
        """Train, measure, obey.

        Raises:
            TrialFailed: the trial cannot go on.
        """
        if self._table.n_steps > 0:
            self._ranks.together(lambda: self._stepper)
            own = self.keeper.resume(self._model, self._stepper)
            self._say_resumed(own)
            self._step = self._first_step = self._branches.begin(own, self._model, self._stepper)
        self._progress = ProgressClock()
        started = time.perf_counter()
        action: Action = "continue"
        if self._step == self._branches.started and self._step in self._table.evaluations:
            action = self._measure()
        while action == "continue" and self._step < self._table.n_steps:
            action = self._advance()
        seconds = time.perf_counter() - started - self._evaluation_seconds - self._waiting_seconds
        return self._finish(action, seconds)

    def _say_resumed(self, step: int) -> None:
        """Tell of the checkpoint, and again what was measured before it was written."""
        if self._ranks.first and (step or self.keeper.passed_over):
            tokens, passed_over = self._table.tokens(step), self.keeper.passed_over
            resumed = Resumed(tokens=tokens, measurements=tuple(self.keeper.measured), passed_over=passed_over)
            self._verdict = self._report(resumed).action

    def _say_trouble(self, reason: str) -> None:
        if reason and self._ranks.first:
            self._verdict = self._report(Trouble(reason=f"no checkpoint could be written: {reason}")).action

    def _advance(self) -> Action:
        """One step and what is due after it."""
        self.doing = f"training (step {self._step + 1})"
        self._stepper.step(self._step, self._take_verdict())
        self._step += 1
        evaluation = self._step in self._table.evaluations
        branch_point = self._step in self._table.branch_points
        action: Action = "continue"
        if evaluation or branch_point or self._step % _READ_EVERY[self._ranks.device.type] == 0:
            action = self._read()
        if branch_point:
            self._branches.keep(self._step, self._model, self._stepper)
        if evaluation and action != "stop":
            action = max(action, self._measure(), key=_ACTIONS.index)
            if action == "continue" and self._step < self._table.n_steps:
                self._say_trouble(self.keeper.save_if_old(self._step, self._model, self._stepper))
        return action

    def _take_verdict(self) -> int:
        """Rank 0's verdict that the other ranks do not know yet, as a code."""
        code, self._verdict = _ACTIONS.index(self._verdict), "continue"
        return code

    def _read(self) -> Action:
        """Look at the steps since the last look; tell the driver where it is time to."""
        pulses = self._stepper.read()
        for step, pulse in enumerate(pulses, start=self._step - len(pulses) + 1):
            self._guards.observe(step, pulse.loss, pulse.grad_norm)
        self._progress.add(pulses)
        if self._ranks.first and self._progress.due:
            rate = self._stepper.learning_rate(self._step - 1)
            self._verdict = self._report(self._progress.message(self.tokens, rate, self._table.tokens_per_step)).action
        return _ACTIONS[max(pulse.verdict for pulse in pulses)]

    def _measure(self) -> Action:
        """Measure every corpus and let all ranks know the answer before the next step."""
        started = time.perf_counter()
        self.doing = f"evaluating (after step {self._step})"
        measurement = self._measurer.measure(self._model, self._step)
        measured = time.perf_counter()
        action = self._report(measurement).action if self._ranks.first else "continue"
        self.keeper.measured.append(measurement)
        code = self._ranks.sum_number(_ACTIONS.index(action))
        self._evaluation_seconds += measured - started
        self._waiting_seconds += time.perf_counter() - measured
        self._progress.leave_out(time.perf_counter() - started)
        return _ACTIONS[round(code)]

    def _finish(self, action: Action, train_seconds: float) -> Finished:
        """Keep what the end calls for: the model, a checkpoint, or nothing."""
        completed = self._step == self._table.n_steps
        if completed and self._spec.export_path is not None:
            self.doing = EXPORTING
            self._exported = self._export()
        if action == "pause" and not completed:
            self._say_trouble(self.keeper.try_to_save(self._step, self._model, self._stepper))
        return self._finished("completed" if completed else "paused" if action == "pause" else "stopped", train_seconds)

    def _export(self) -> Exported | None:
        """Save and measure the model; rank 0 does it while the others wait."""
        spec, device = self._spec, self._ranks.device
        self.__dict__.pop("_stepper", None)  # the optimiser's memory serves to measure what is saved
        _give_memory_back(device)
        state = gathered(self._model.trainable, self._ranks)
        measurer = self._measurer
        return on_first_rank(
            self._ranks,
            lambda: export(spec, state, self._corpora, measurer.measured, measurer.measure_alone, device),
        )

    def _finished(self, state: Literal["completed", "stopped", "paused"], train_seconds: float) -> Finished:
        counts, device = self._model.counts, self._ranks.device
        trained = self.tokens - self._table.tokens(self._first_step)
        return Finished(
            state=state,
            tokens=self.tokens,
            started_at_tokens=self._table.tokens(self._branches.started),
            seconds=time.perf_counter() - self._began,
            train_seconds=train_seconds,
            evaluation_seconds=self._evaluation_seconds,
            tokens_per_second=trained / max(train_seconds, 1e-9),
            peak_memory_bytes=memory.peak_bytes(device),
            params=counts.params,
            params_non_embedding=counts.params_non_embedding,
            trainable_params=counts.trainable_params,
            workers=self._ranks.size,
            device=torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu",
            exported=self._exported,
            evaluated_tokens=self._measurer.tokens,
            evaluated_share=self._measurer.tokens / trained if trained else None,
            micro_batch_size=self._spec.micro_batch_size,
        )
