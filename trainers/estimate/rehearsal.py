"""One micro-batch put through a stand-in of a trial's model, to see what it holds and how much it computes."""

from collections import Counter
from dataclasses import dataclass

import torch

from trainers.estimate.flops import FlopCount
from trainers.estimate.live_memory import Kind, LiveMemory
from trainers.estimate.stand_in import blank, decoder_of
from trainers.model.language_model import LanguageModel
from trainers.model.models import autocast, torch_type
from trainers.spec import TrialSpec


@dataclass(frozen=True)
class Rehearsal:
    """What one micro-batch does; memory beside weights, gradients and optimiser."""

    train: Counter[Kind]
    """Bytes by kind at the moment of a training step when most are held."""
    score: Counter[Kind]
    """The same of an evaluation."""
    trained_token: float
    """Floating-point operations a token, here and below."""
    recomputed_token: float
    """The part of `trained_token` that computes what was computed before."""
    scored_token: float


def rehearse(spec: TrialSpec, scorer: LanguageModel, rows: int, scored_rows: int) -> Rehearsal:
    """Train on `rows` blocks at once and score `scored_rows`; to be called inside `stand_in.without_numbers`."""
    for parameter in scorer.parameters():
        if parameter.requires_grad:
            parameter.grad = torch.empty_like(parameter)
    memory, flops = LiveMemory(_held(scorer)), FlopCount()
    flops.watch(scorer)
    hook = decoder_of(scorer).register_forward_hook(lambda *_: setattr(memory, "kind", "logits"))
    with flops, memory:
        _score(spec, scorer, scored_rows)
        score, scored = memory.peak, flops.total / (scored_rows * spec.max_seq_length)
        memory.begin("activations")
        flops.total = 0
        _train(spec, scorer, rows, memory, flops)
    hook.remove()
    tokens = rows * spec.max_seq_length
    return Rehearsal(memory.peak, score, flops.total / tokens, flops.recomputed / tokens, scored)


def _held(scorer: LanguageModel) -> list[torch.Tensor]:
    weights = [*scorer.parameters(), *scorer.buffers()]
    return weights + [p.grad for p in weights if p.grad is not None]


@torch.no_grad()
def _score(spec: TrialSpec, scorer: LanguageModel, rows: int) -> None:
    windows = blank(rows, spec.max_seq_length, spec.document_mask)
    with _precision(spec):
        scorer(windows)


def _train(spec: TrialSpec, scorer: LanguageModel, rows: int, memory: LiveMemory, flops: FlopCount) -> None:
    windows = blank(rows, spec.max_seq_length, spec.document_mask)
    with _precision(spec):
        loss = scorer(windows, "sum")
    memory.kind, flops.backward = "workspace", True
    loss.backward()


def _precision(spec: TrialSpec) -> torch.autocast:
    return autocast(torch.device("cpu"), torch_type(spec.precision))
