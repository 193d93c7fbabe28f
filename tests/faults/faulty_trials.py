"""Real trials on real lanes, slowed, watched and harmed as a file beside their checkpoints says."""

import json
import os
import resource
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch

from trainers import loop
from trainers.messages import Failure, Finished, Message, Verdict
from trainers.spec import TrialSpec
from trainers.state import checkpoint
from trainers.steps.stepper import Stepper

RUNNER = "tests.faults.faulty_trials:run_trial"
Report = Callable[[Message], Verdict]


def run_trial(spec: TrialSpec, report: Report) -> Finished | Failure:
    """The trial, under what `faults.json` in the output folder says of its role; see `Harm`."""
    if spec.checkpoint_path is None or spec.role == "base":
        return loop.run_and_keep(spec, report)
    output = Path(spec.checkpoint_path).parents[1]
    plan = json.loads((output / "faults.json").read_text()) if (output / "faults.json").exists() else {}
    harm = Harm(spec, output / "trace", plan.get("sleep", 0.0), plan.get(spec.role, {}))

    def step(stepper: Stepper, number: int, *rest: Any) -> Any:
        harm.before(number)
        return take(stepper, number, *rest)

    take = Stepper.step
    with patch.object(Stepper, "step", step), harm.while_saving():
        return loop.run_and_keep(spec, report)


class Harm:
    """What is done to one trial of a role.

    Of `how`, `kind` says what happens, `at_step` when (in every attempt), `times` in how many attempts of all trials of
    the role together; without `times` in all of them.
    """

    def __init__(self, spec: TrialSpec, trace: Path, sleep: float, how: dict[str, Any]) -> None:
        trace.mkdir(parents=True, exist_ok=True)
        self._trace, self._sleep, self._how, self._role = trace, sleep, how, spec.role
        self._attempt = trace / f"{spec.id}-{time.time_ns()}-{os.getpid()}"

    def before(self, step: int) -> None:
        """A step is about to be taken."""
        with self._attempt.open("a") as steps:
            steps.write(f"{step}\n")
        if step == self._how.get("at_step") and self._due():
            self._strike()
        time.sleep(self._sleep)

    def _due(self) -> bool:
        if "times" not in self._how:
            return True
        for number in range(self._how["times"]):
            try:
                (self._trace / f"struck-{self._role}-{number}").touch(exist_ok=False)
            except FileExistsError:
                continue
            return True
        return False

    def _strike(self) -> None:
        kind = self._how["kind"]
        if kind == "hang":
            time.sleep(3600)
        elif kind == "stop":
            os.kill(os.getpid(), signal.SIGSTOP)
        elif kind == "raise":
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        elif kind == "allocate":
            torch.empty(1 << 60, dtype=torch.uint8)
        elif kind == "error":
            raise ValueError("the spec cannot be trained")

    @contextmanager
    def while_saving(self) -> Iterator[None]:
        """`kind: small files`: what is written of a checkpoint may have 100 kB, as if the disk were full."""
        if self._how.get("kind") != "small files":
            yield
            return
        write, limits = checkpoint._write, resource.getrlimit(resource.RLIMIT_FSIZE)

        def limited(path: Path, state: dict[str, Any]) -> None:
            before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN) if _main_thread() else None
            resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
            try:
                write(path, state)
            finally:
                resource.setrlimit(resource.RLIMIT_FSIZE, limits)
                if before is not None:
                    signal.signal(signal.SIGXFSZ, before)

        with patch.object(checkpoint, "_write", limited):
            yield


def _main_thread() -> bool:
    import threading

    return threading.current_thread() is threading.main_thread()


def attempts(trace: Path) -> dict[str, list[list[int]]]:
    """By trial: the steps that each of its attempts took, in the order of attempts."""
    found: dict[str, list[list[int]]] = {}
    for path in sorted(path for path in trace.iterdir() if not path.name.startswith("struck-")):
        steps = [int(line) for line in path.read_text().split()]
        found.setdefault(path.name.split("-")[0], []).append(steps)
    return found
