"""The same numbers again: twice, after any stop, in 4 bits after evaluations, under bf16."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from tests.trainers.tiny import LENGTH, Driver, run
from trainers.messages import Finished, Measurement
from trainers.model import models
from trainers.model.adapters import is_4bit
from trainers.model.models import Model, build, load_base
from trainers.spec import TrialSpec
from trainers.steps.stepper import Stepper
from trainers.timetable import Timetable
from trainers.tokens.batches import Batches, open_corpora
from trainers.tokens.windows import Windows
from trainers.workers.ranks import Ranks

Make = Callable[..., TrialSpec]
CPU = torch.device("cpu")
STEP = 4 * LENGTH
METHODS = [
    {"method": "full"},
    {"method": "lora", "lora": {"r": 4, "alpha": 8.0, "dropout": 0.2}, "learning_rate": 2e-2},
    {"method": "qlora", "lora": {"r": 4, "alpha": 8.0, "dropout": 0.2}, "learning_rate": 2e-2},
]
NAMES = ["full", "lora with dropout", "qlora with dropout"]


def numbers(driver: Driver) -> list[Any]:
    """Everything that is measured, times left out."""
    return [m.model_dump(exclude={"seconds"}) for m in driver.measurements]


def with_base(spec: TrialSpec) -> TrialSpec:
    """The same with the base measured first."""
    return spec.model_copy(update={"evaluate_at": (0, *spec.evaluate_at)})


# ---- seeds


@pytest.mark.parametrize("changes", METHODS, ids=NAMES)
def test_the_same_spec_gives_the_same_numbers_twice(make_spec: Make, changes: dict[str, Any]) -> None:
    assert numbers(run(make_spec(**changes))[1]) == numbers(run(make_spec(**changes))[1])


@pytest.mark.parametrize("method", ["full", "lora", "qlora"])
def test_another_seed_changes_the_data_order_and_the_adapters_only(make_spec: Make, method: str) -> None:
    trained = make_spec(method="lora").model
    one, other = (with_base(make_spec(method=method, model=trained, seed=seed)) for seed in (3, 4))
    first, second = (run(spec)[1].measurements for spec in (one, other))
    assert first[0].losses == second[0].losses  # base weights, evaluation blocks, base loss
    assert first[-1].losses != second[-1].losses
    assert windows(one) != windows(other)
    here, there = (dict(build(spec, CPU).module.named_parameters()) for spec in (one, other))
    changed = {name.split(".")[-3] for name in here if not torch.equal(here[name], there[name])}
    assert changed == (set() if method == "full" else {"lora_A"})


def windows(spec: TrialSpec) -> list[list[int]]:
    batches = Batches(spec, open_corpora(spec), Timetable.of(spec), Ranks.current())
    return [row for step in range(12) for batch in batches.micro_batches(step) for row in batch.tokens.tolist()]


# ---- stop anywhere


@pytest.mark.parametrize("changes", METHODS[:2], ids=NAMES[:2])
def test_a_trial_stopped_again_and_again_is_the_trial_that_never_stopped(
    make_spec: Make, tmp_path: Path, changes: dict[str, Any]
) -> None:
    stops = (1, 2, 7, 11, 12)
    every = {"evaluate_at": tuple(step * STEP for step in stops), "micro_batch_size": 3}
    _, straight = run(make_spec(**changes, **every))
    spec = make_spec(**changes, **every, checkpoint_path=str(tmp_path / "c"))
    pieces: list[Measurement] = []
    for step in stops:
        end, driver = run(spec, {step * STEP: "pause"})
        assert isinstance(end, Finished)
        assert end.tokens == step * STEP
        pieces += driver.measurements
    without = [m.model_dump(exclude={"seconds"}) for m in pieces]
    assert without == numbers(straight)


# ---- 4 bits on a CPU after evaluations


class Gradients:
    """Our adapters' gradients at some steps of a real trial, and what they should be."""

    def __init__(self, spec: TrialSpec, steps: tuple[int, ...]) -> None:
        self._spec, self._steps = spec, steps
        self.cosines: list[float] = []
        self._dense = dequantised(spec)
        self._taken = 0

    def watch(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Compare before each update."""
        take = Stepper._accumulate

        def accumulate(stepper: Stepper, step: int) -> None:
            take(stepper, step)
            if step + 1 in self._steps:
                self.cosines.append(self._cosine(stepper, step))

        monkeypatch.setattr(Stepper, "_accumulate", accumulate)

    def _cosine(self, stepper: Stepper, step: int) -> float:
        ours = stepper._model.trainable
        theirs = {n: p for n, p in self._dense.named_parameters() if p.requires_grad}
        with torch.no_grad():
            for name, parameter in theirs.items():
                parameter.copy_(ours[name])
                parameter.grad = None
        for batch in stepper._batches.micro_batches(step):
            logits = self._dense(input_ids=batch.inputs).logits.float()
            nn.functional.cross_entropy(logits.flatten(0, 1), batch.targets.flatten(), reduction="sum").backward()  # type: ignore[no-untyped-call]
        pairs = [(ours[name].grad, parameter.grad) for name, parameter in theirs.items()]
        a, b = (torch.cat([g.flatten() for g in side if g is not None]) for side in zip(*pairs, strict=True))
        assert len(a) == len(b) == sum(p.numel() for p in theirs.values())
        return nn.functional.cosine_similarity(a, b, dim=0).item()


def dequantised(spec: TrialSpec) -> nn.Module:
    """A LoRA model whose dense fp32 weights are those that the 4-bit ones stand for."""
    import bitsandbytes.functional
    import peft

    packed = load_base(spec, CPU, torch.float32, quantised=True)
    dense = load_base(spec, CPU, torch.float32, quantised=False)
    with torch.no_grad():
        for name, layer in packed.named_modules():
            if is_4bit(layer):
                weight = bitsandbytes.functional.dequantize_4bit(layer.weight.data, layer.weight.quant_state)
                dense.get_submodule(name).weight.copy_(weight)
    module: nn.Module = peft.get_peft_model(dense, peft.LoraConfig(r=4, lora_alpha=8, target_modules="all-linear"))
    return module


@pytest.fixture
def qlora_with_evaluations(make_spec: Make) -> TrialSpec:
    """24 steps, evaluated before the first and after every second."""
    points = tuple(step * STEP for step in range(0, 24, 2))
    return make_spec(method="qlora", max_tokens=24 * STEP, evaluate_at=points, learning_rate=2e-2)


def test_qlora_gradients_are_right_between_evaluations(
    qlora_with_evaluations: TrialSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    gradients = Gradients(qlora_with_evaluations, (1, 5, 20))
    gradients.watch(monkeypatch)
    run(qlora_with_evaluations)
    assert len(gradients.cosines) == 3
    assert min(gradients.cosines) > 0.999


def test_4_bit_layers_evaluate_in_training_mode_without_which_some_cpus_spoil_them(
    qlora_with_evaluations: TrialSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the guard prevents happens on CPUs with AVX512-BF16 only; that the guard is on can be seen on all."""
    from bitsandbytes.functional import has_avx512bf16

    modes: set[tuple[bool, bool]] = set()
    plain = Model.nll

    def spy(model: Model, shown: Windows) -> torch.Tensor:
        modes.update((is_4bit(layer), layer.training) for layer in model.module.modules() if not list(layer.children()))
        return plain(model, shown)

    monkeypatch.setattr(Model, "nll", spy)
    run(qlora_with_evaluations)
    assert modes == {(True, True), (False, False)}
    monkeypatch.setattr(models, "without_dropout_and_repacking", nn.Module.eval)
    gradients = Gradients(qlora_with_evaluations, (1, 5, 20))
    gradients.watch(monkeypatch)
    run(qlora_with_evaluations)
    assert (min(gradients.cosines) < 0.9) == has_avx512bf16()


# ---- master weights


def test_bf16_training_keeps_small_updates_that_bf16_weights_lose(make_spec: Make) -> None:
    """300 steps at a rate that moves a weight by less than bf16 can tell."""
    trained = make_spec(method="lora").model
    changes = {"model": trained, "learning_rate": 2e-5, "weight_decay": 0.0, "schedule": {}, "evaluate_at": (0,)}
    exact, mixed = (make_spec(**changes, max_tokens=300 * STEP, precision=p) for p in ("fp32", "bf16"))
    before, goal = (m.loss("code") for m in run(exact)[1].measurements)
    assert goal < before - 0.05
    assert run(mixed)[1].measurements[-1].loss("code") == pytest.approx(goal, rel=0.005)
    assert pure_bf16(mixed) > goal * 1.005


def pure_bf16(spec: TrialSpec) -> float:
    """The loss on code when the weights themselves are bf16, as `model.to(torch.bfloat16)` makes them."""
    from trainers.evaluation.evaluate import Evaluator

    model = build(spec, CPU)
    model.module.to(torch.bfloat16)
    optimizer = torch.optim.AdamW(model.module.parameters(), lr=spec.learning_rate, betas=(0.9, 0.95), weight_decay=0)
    corpora = open_corpora(spec)
    batches = Batches(spec, corpora, Timetable.of(spec), Ranks.current())
    for step in range(300):
        optimizer.zero_grad()
        for batch in batches.micro_batches(step):
            (model.total_nll(batch) / STEP).backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(model.module.parameters(), spec.max_grad_norm)
        optimizer.step()
    losses = Evaluator({"code": corpora["code"]}, LENGTH, 256, 8, Ranks.current()).measure(model, ("valid",))
    return losses[0].loss
