from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from tests.trainers.tiny import run
from trainers.errors import TrainerError
from trainers.messages import Failure
from trainers.model.parameters import decay_groups
from trainers.spec import TrialSpec
from trainers.state import checkpoint
from trainers.steps.optimizers import bitsandbytes_adamw, embeddings, make_optimizer

Make = Callable[..., TrialSpec]
CPU = torch.device("cpu")


def module() -> nn.Module:
    """An embedding and a matrix large enough to be quantised, and a norm."""
    torch.manual_seed(0)
    return nn.Sequential(nn.Embedding(70, 64), nn.LayerNorm(64, bias=False), nn.Linear(64, 70, bias=False))


def steps(model: nn.Module, optimizer: torch.optim.Optimizer, n: int, first: int = 0) -> None:
    """`n` steps with made-up gradients that depend on the step."""
    for step in range(first, first + n):
        torch.manual_seed(step)
        for parameter in model.parameters():
            parameter.grad = torch.randn_like(parameter)
        optimizer.step()


@pytest.fixture
def make_8bit(make_spec: Make) -> Callable[..., torch.optim.Optimizer]:
    """bitsandbytes' optimiser on a CPU, where its kernels run too, past the check that refuses it there."""

    def make(model: nn.Module, kind: str = "adamw_8bit") -> torch.optim.Optimizer:
        groups = decay_groups(list(model.parameters()), 0.1)
        return bitsandbytes_adamw(make_spec(optimizer=kind), groups, embeddings(model))

    return make


@pytest.mark.parametrize("kind", ["adamw_8bit", "paged_adamw", "paged_adamw_8bit"])
def test_bitsandbytes_optimisers_are_refused_on_a_cpu_before_training(make_spec: Make, kind: str) -> None:
    end, driver = run(make_spec(optimizer=kind))
    assert isinstance(end, Failure)
    assert (end.cause, end.repeatable, end.tokens) == ("bad_spec", True, 0)
    assert end.reason.startswith(f"optimizer: {kind} keeps its state in a GPU's memory")
    assert not driver.messages
    with pytest.raises(TrainerError, match="use adamw"):
        make_optimizer(make_spec(optimizer=kind), module(), CPU)


def test_matrices_decay_and_vectors_do_not(make_spec: Make) -> None:
    model = module()
    optimizer = make_optimizer(make_spec(weight_decay=0.3, adam_betas=(0.8, 0.9)), model, CPU)
    decayed, kept = optimizer.param_groups
    assert ([p.ndim for p in decayed["params"]], decayed["weight_decay"]) == ([2, 2], 0.3)
    assert ([p.ndim for p in kept["params"]], kept["weight_decay"]) == ([1], 0.0)
    assert all((group["betas"], group["fused"]) == ((0.8, 0.9), True) for group in optimizer.param_groups)


def test_frozen_parameters_are_left_out(make_spec: Make) -> None:
    model = module()
    model[0].requires_grad_(False)  # type: ignore[index]
    assert sum(len(group["params"]) for group in make_optimizer(make_spec(), model, CPU).param_groups) == 2


def test_matrices_have_an_8_bit_state_but_embeddings_and_small_tensors_have_not(
    make_8bit: Callable[..., torch.optim.Optimizer],
) -> None:
    model = module()
    optimizer = make_8bit(model)
    steps(model, optimizer, 1)
    embedding, norm, matrix = (optimizer.state[p]["state1"].dtype for p in model.parameters())
    assert (embedding, norm, matrix) == (torch.float32, torch.float32, torch.uint8)


def test_the_choice_of_32_bits_does_not_outlive_its_optimiser(
    make_8bit: Callable[..., torch.optim.Optimizer],
) -> None:
    from bitsandbytes.optim import GlobalOptimManager

    make_8bit(module())
    manager = GlobalOptimManager.get_instance()
    assert not manager.pid2config
    assert not manager.module_weight_config_triple


@pytest.mark.parametrize("kind", ["adamw_8bit", "paged_adamw", "paged_adamw_8bit"])
@pytest.mark.filterwarnings("ignore:Paged optimizers are not supported on CPU")
def test_a_loaded_state_goes_on_bit_for_bit(
    make_8bit: Callable[..., torch.optim.Optimizer], kind: str, tmp_path: Path
) -> None:
    straight, halved = module(), module()
    steps(straight, make_8bit(straight, kind), 6)
    first = make_8bit(halved, kind)
    steps(halved, first, 3)
    checkpoint.save(tmp_path, "a trial", 3, dict(halved.named_parameters()), first)
    state = checkpoint.load(tmp_path, "a trial", CPU)
    assert state is not None
    resumed = module()
    second = make_8bit(resumed, kind)
    checkpoint.restore(state, dict(resumed.named_parameters()), second)
    steps(resumed, second, 3, first=3)
    assert all(torch.equal(a, b) for a, b in zip(straight.parameters(), resumed.parameters(), strict=True))
    assert not torch.equal(halved[2].weight, resumed[2].weight)  # type: ignore[index]


@pytest.mark.filterwarnings("ignore:Paged optimizers are not supported on CPU")
def test_a_paged_state_is_paged_again_when_it_is_loaded(
    make_8bit: Callable[..., torch.optim.Optimizer], monkeypatch: pytest.MonkeyPatch
) -> None:
    from bitsandbytes.optim.optimizer import Optimizer8bit

    model = module()
    optimizer = make_8bit(model, "paged_adamw")
    steps(model, optimizer, 1)
    state, pages = optimizer.state_dict(), []
    before = [optimizer.state[p][name].clone() for p in model.parameters() for name in ("state1", "state2")]
    again = make_8bit(model, "paged_adamw")

    def page(parameter: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
        pages.append(torch.zeros_like(parameter, dtype=dtype))
        return pages[-1]

    moved: list[bool] = []
    load = Optimizer8bit.load_state_dict

    def watch(self: Any, state_dict: dict[str, Any], move_to_device: bool = True) -> None:
        moved.append(move_to_device)
        load(self, state_dict, move_to_device)

    monkeypatch.setattr(again, "get_state_buffer", page)
    monkeypatch.setattr(Optimizer8bit, "load_state_dict", watch)
    again.load_state_dict(state)
    assert moved == [False]  # never all at once in the GPU's own memory
    after = [again.state[p][name] for p in model.parameters() for name in ("state1", "state2")]
    assert all(any(tensor is page for page in pages) for tensor in after)
    assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True))


def test_paged_adamw_does_what_adamw_does(make_8bit: Callable[..., torch.optim.Optimizer], make_spec: Make) -> None:
    ours, theirs = module(), module()
    with pytest.warns(UserWarning, match="Paged optimizers are not supported on CPU"):
        steps(ours, make_8bit(ours, "paged_adamw"), 5)
    steps(theirs, make_optimizer(make_spec(), theirs, CPU), 5)
    for a, b in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert torch.allclose(a, b, rtol=1e-4, atol=1e-5)
