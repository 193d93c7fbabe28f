"""The arms of the comparison on a real model: what each trains, and their measurements, kept on disk."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from sweeper.pipeline.specs import SpecFactory
from trainers.errors import TrainerError
from trainers.messages import MESSAGE, Failure, Finished, Measurement, Message, Verdict
from trainers.spec import Method, ModelRef, TrialSpec

Weights = Literal["packaged", "nf4"]


@dataclass(frozen=True)
class Setting:
    """What the search found for a method."""

    learning_rate: float
    lora_r: int | None


@dataclass(frozen=True)
class Arm:
    """One cell of full or low rank, by packaged or NF4 weights; `qlora` quantises the packaged weights itself."""

    name: str
    method: Method
    weights: Weights


ARMS = (
    Arm("full", "full", "packaged"),
    Arm("qlora", "qlora", "packaged"),
    Arm("lora", "lora", "packaged"),
    Arm("full on nf4", "full", "nf4"),
    Arm("lora on nf4", "lora", "nf4"),
)
"""In the order of their weight, so that an unfinished series already says something."""
STARTS = ("full", "full on nf4", "qlora")
"""The arms whose models are measured before training: both weights, and NF4 by bitsandbytes' own layers."""


@dataclass(frozen=True)
class Budget:
    """What every arm is given alike."""

    tokens: int
    evaluate_at: tuple[int, ...]
    evaluation_tokens: int


@dataclass(frozen=True)
class Series:
    """Everything that all trials of the comparison share."""

    factory: SpecFactory
    models: Mapping[Weights, ModelRef]
    settings: Mapping[Method, Setting]
    """Of full training, and of adapters: every low-rank arm has the settings that were found through NF4."""
    budget: Budget
    folder: Path

    def spec(self, arm: Arm, seed: int) -> TrialSpec:
        """An arm's trial; all arms with one seed read the same blocks in the same order."""
        setting = self.settings["full" if arm.method == "full" else "qlora"]
        factory, budget = self.factory, self.budget
        spec = factory.law(factory.target_model, arm.method, setting.learning_rate, setting.lora_r, 1.0)
        return spec.model_copy(
            update={
                "model": self.models[arm.weights],
                "seed": seed,
                "max_tokens": budget.tokens,
                "evaluate_at": budget.evaluate_at,
                "evaluation_tokens": budget.evaluation_tokens,
                "evaluation_share": None,
                "evaluation_splits": ("valid", "test"),
                "checkpoint_path": str(self.folder / f"{_slug(arm)}-{seed}.checkpoints"),
                "checkpoint_seconds": 200.0,
            }
        )

    def start(self, arm: Arm) -> TrialSpec:
        """The same model, measured and not trained."""
        update = {"max_tokens": 0, "evaluate_at": (), "mixture": {}, "checkpoint_path": None}
        return self.spec(arm, seed=0).model_copy(update=update)

    def run(self, arm: Arm, seed: int, run_trial: Callable[..., Finished | Failure]) -> list[Measurement]:
        """An arm's measurements, by rising tokens; trained only where the folder does not have them."""
        return measured(self.spec(arm, seed), self.folder / f"{_slug(arm)}-{seed}.jsonl", run_trial)

    def run_start(self, arm: Arm, run_trial: Callable[..., Finished | Failure]) -> Measurement:
        """An arm's model before training."""
        return measured(self.start(arm), self.folder / f"{_slug(arm)}-start.jsonl", run_trial)[-1]

    def finished(self, arm: Arm, seed: int | None) -> list[Measurement]:
        """What the folder has of an arm that was trained to its end (`seed`), or of its start (None); else nothing."""
        spec = self.start(arm) if seed is None else self.spec(arm, seed)
        messages = _read(self.folder / f"{_slug(arm)}-{'start' if seed is None else seed}.jsonl", spec.id)
        return _by_tokens(messages) if any(isinstance(message, Finished) for message in messages) else []


def _slug(arm: Arm) -> str:
    return arm.name.replace(" ", "-")


def measured(spec: TrialSpec, file: Path, run_trial: Callable[..., Finished | Failure]) -> list[Measurement]:
    """Run a trial whose messages are kept in a file, or go on with one that was interrupted.

    The file's first line is the spec's id: another spec under the same name begins anew.

    Raises:
        TrainerError: the trial failed.
    """
    known = _read(file, spec.id)
    if not any(isinstance(message, Finished) for message in known):
        file.parent.mkdir(parents=True, exist_ok=True)
        _write(file, spec.id, known)
        with file.open("a", encoding="utf-8") as out:

            def report(message: Message) -> Verdict:
                print(message.model_dump_json(), file=out, flush=True)
                return Verdict()

            end = run_trial(spec, report)
            if isinstance(end, Failure):
                raise TrainerError(f"{file.stem}: {end.reason}")
            report(end)
        known = _read(file, spec.id)
    return _by_tokens(known)


def _by_tokens(messages: Sequence[Message]) -> list[Measurement]:
    """The measurements, rising; a trial that went on from a checkpoint may have made one of them twice."""
    found = {message.tokens: message for message in messages if isinstance(message, Measurement)}
    return [found[tokens] for tokens in sorted(found)]


def _read(file: Path, spec_id: str) -> Sequence[Message]:
    lines = file.read_text(encoding="utf-8").splitlines() if file.is_file() else []
    if not lines or lines[0] != spec_id:
        return []
    # A process that was killed may have left its last line unfinished; its checkpoint leads to that message again.
    return [MESSAGE.validate_json(line) for line in lines[1:] if line.endswith("}")]


def _write(file: Path, spec_id: str, messages: Sequence[Message]) -> None:
    temporary = file.with_suffix(".partial")
    temporary.write_text("\n".join([spec_id, *(m.model_dump_json() for m in messages)]) + "\n", encoding="utf-8")
    temporary.replace(file)
