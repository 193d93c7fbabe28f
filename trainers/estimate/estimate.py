"""Says what a trial will hold and compute, in a second or two, before anything is spent."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from trainers.errors import TrainerError
from trainers.estimate.estimated import Estimate, Flops, StepMemory
from trainers.estimate.held import Held, held, is_divided, weight_bytes
from trainers.estimate.rehearsal import Rehearsal, rehearse
from trainers.estimate.stand_in import on_stage, stand_in, without_numbers
from trainers.evaluation.evaluation_size import EvaluationSize, evaluation_size
from trainers.model.language_model import LanguageModel, base_of
from trainers.model.models import held_type, load_config
from trainers.spec import TrialSpec
from trainers.steps.optimizers import refuse_without_gpu
from trainers.steps.out_of_memory import most_at_once
from trainers.timetable import Timetable


def estimate(spec: TrialSpec, workers: int = 1, device: str = "cpu") -> Estimate:
    """Go through one step and one evaluation of a trial with tensors that have no numbers.

    Args:
        spec: the trial; of its model only the configuration must be there, of its corpora nothing.
        workers: who share it.
        device: `cpu` or `cuda`: where it will run, not where this runs.

    Raises:
        TrainerError: the trial cannot be run as its spec says, or its model cannot be gone through without numbers.
    """
    place = torch.device(device)
    refuse_without_gpu(spec, place)
    table = Timetable.of(spec)
    size = evaluation_size(spec, table)
    rows = most_at_once(spec, workers)
    scored_rows = min(spec.micro_batch_size, -(-size.blocks // workers))
    with _quiet():
        module = stand_in(spec, place)
        with without_numbers(spec.document_mask):
            scorer = on_stage(module)
            rehearsal = _rehearsed(spec, scorer, rows, scored_rows)
    if is_divided(spec, workers):
        # What is put together comes in the compute precision already.
        rehearsal.train["copies"] = rehearsal.score["copies"] = 0
    stays, whole = held(spec, scorer, workers), weight_bytes(scorer)
    trains = table.n_steps > 0
    resident = stays.weights + (stays.gradients + stays.optimizer if trains else 0)
    return Estimate(
        workers=workers,
        micro_batch=rows,
        step=_step(stays, rehearsal) if trains else None,
        evaluation=resident + stays.gathered + rehearsal.score.total() + 4 * size.blocks * spec.max_seq_length,
        loading=whole + _mapped(spec, held_type(spec)) if place.type == "cpu" else stays.weights,
        paged=stays.paged if trains else 0,
        flops=_flops(rehearsal, table, size),
    )


@contextmanager
def _quiet() -> Iterator[None]:
    """Without what libraries say of how they run, for nothing runs."""
    loggers = [logging.getLogger(name) for name in ("bitsandbytes", "torch._subclasses")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def _rehearsed(spec: TrialSpec, scorer: LanguageModel, rows: int, scored_rows: int) -> Rehearsal:
    try:
        return rehearse(spec, scorer, rows, scored_rows)
    except (RuntimeError, NotImplementedError) as error:
        base, why = base_of(scorer.module), str(error).partition("\n")[0]
        raise TrainerError(
            f"model: {spec.model.name} ({base.config.model_type}) cannot be gone through with tensors that have no "
            f"numbers ({type(error).__name__}: {why}), so its memory and cost are not known before it runs; run a "
            "trial of two steps, whose last message has peak_memory_bytes"
        ) from error


def _step(stays: Held, rehearsal: Rehearsal) -> StepMemory:
    peak = rehearsal.train
    return StepMemory(
        weights=stays.weights,
        gradients=stays.gradients,
        optimizer=stays.optimizer,
        activations=peak["activations"],
        logits=peak["logits"],
        copies=peak["copies"],
        workspace=peak["workspace"] + stays.gathered,
    )


def _flops(rehearsal: Rehearsal, table: Timetable, size: EvaluationSize) -> Flops:
    return Flops(
        trained_token=rehearsal.trained_token,
        recomputed_token=rehearsal.recomputed_token,
        scored_token=rehearsal.scored_token,
        training=rehearsal.trained_token * table.tokens(table.n_steps),
        evaluation=rehearsal.scored_token * size.scored_tokens,
    )


def _mapped(spec: TrialSpec, weights: torch.dtype) -> int:
    """Bytes of the checkpoint's files that are in memory beside the weights while these are made from them.

    Weights that are held as they are stored are the files' own pages.
    """
    if spec.model.path is None or (spec.method != "qlora" and load_config(spec).dtype == weights):
        return 0
    return sum(file.stat().st_size for file in Path(spec.model.path).glob("*.safetensors"))
