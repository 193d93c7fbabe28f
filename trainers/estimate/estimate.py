"""Says what a trial will hold and compute, in a second or two, before anything is spent."""

from pathlib import Path
from typing import Any

import torch

from trainers.errors import TrainerError
from trainers.estimate.estimated import Estimate, Flops, StepMemory
from trainers.estimate.held import Held, held, weight_bytes
from trainers.estimate.rehearsal import Rehearsal, rehearse
from trainers.estimate.stand_in import held_type, on_stage, stand_in, without_numbers
from trainers.evaluation.evaluation_size import EvaluationSize, evaluation_size
from trainers.model.language_model import LanguageModel
from trainers.model.models import load_config
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
    module = stand_in(spec, place)
    with without_numbers(spec.document_mask):
        scorer = on_stage(module)
        rehearsal = _rehearsed(spec, scorer, rows, scored_rows)
        stays, whole = held(spec, scorer, workers), weight_bytes(scorer)
    trains = table.n_steps > 0
    resident = stays.weights + (stays.gradients + stays.optimizer if trains else 0)
    return Estimate(
        workers=workers,
        micro_batch=rows,
        step=_step(stays, rehearsal) if trains else None,
        evaluation=resident + stays.gathered + rehearsal.score + 4 * size.blocks * spec.max_seq_length,
        loading=whole + _mapped(spec, held_type(spec)) if place.type == "cpu" else stays.weights,
        paged=stays.paged if trains else 0,
        flops=_flops(rehearsal, table, size),
    )


def _rehearsed(spec: TrialSpec, scorer: LanguageModel, rows: int, scored_rows: int) -> Rehearsal:
    try:
        return rehearse(spec, scorer, rows, scored_rows)
    except (RuntimeError, NotImplementedError) as error:
        kind = _kind(scorer.module)
        raise TrainerError(
            f"model: {spec.model.name} ({kind}) decides by the numbers in its tensors what it computes, so its memory "
            f"and cost cannot be told before it runs ({type(error).__name__}); run a trial of a step or two, whose "
            "last message has peak_memory_bytes"
        ) from error


def _kind(module: Any) -> str:
    return str(module.config.model_type)


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
