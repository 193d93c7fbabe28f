from collections.abc import Callable

import pytest
import torch
from torch import nn

from tests.trainers.tiny import VOCABULARY
from trainers.estimate.held import held, optimizer_bytes
from trainers.estimate.stand_in import on_stage, stand_in, without_numbers
from trainers.spec import TrialSpec

Make = Callable[..., TrialSpec]

TABLE, MATRIX, LARGE, VECTOR = 100 * 64, 64 * 128, 512 * 256, 128


def layers() -> nn.Module:
    """An embedding, a matrix of 8,192 numbers with a bias of 128, one of 131,072."""
    return nn.Sequential(nn.Embedding(100, 64), nn.Linear(64, 128), nn.Linear(512, 256, bias=False))


def scales(n: int) -> int:
    return 2 * 4 * n // 256


@pytest.mark.parametrize(
    ("optimizer", "resident", "paged"),
    [
        ("adamw", 8 * (TABLE + MATRIX + VECTOR + LARGE), 0),
        # Embeddings and small tensors keep 32 bits.
        ("adamw_8bit", 8 * (TABLE + VECTOR) + 2 * (MATRIX + LARGE) + scales(MATRIX + LARGE), 0),
        # Only large tensors are paged.
        ("paged_adamw", 8 * (TABLE + MATRIX + VECTOR), 8 * LARGE),
        ("paged_adamw_8bit", 8 * (TABLE + VECTOR) + 2 * MATRIX + scales(MATRIX + LARGE), 2 * LARGE),
    ],
)
def test_what_an_optimiser_keeps(make_spec: Make, optimizer: str, resident: int, paged: int) -> None:
    assert optimizer_bytes(make_spec(optimizer=optimizer), layers()) == (resident, paged)


def test_what_is_frozen_has_no_state(make_spec: Make) -> None:
    module = layers()
    module[2].requires_grad_(False)  # type: ignore[index, operator]
    assert optimizer_bytes(make_spec(), module) == (8 * (TABLE + MATRIX + VECTOR), 0)


def test_divided_workers_hold_their_part_and_what_is_put_together(make_spec: Make) -> None:
    spec = make_spec(parallel="fsdp")
    module = stand_in(spec, torch.device("cpu"))
    with without_numbers(False):
        scorer = on_stage(module)
        alone, apart = held(spec, scorer, 1), held(spec, scorer, 2)
    layer = 4 * 64**2 + 3 * 64 * 128 + 2 * 64
    assert (apart.weights, apart.gradients, apart.optimizer) == (
        alone.weights // 2, alone.gradients // 2, alone.optimizer // 2,
    )  # fmt: skip
    assert alone.gathered == 0
    # The embedding, which is the output layer too, and the last norm; two layers; one layer's gradients twice.
    assert apart.gathered == 4 * (VOCABULARY * 64 + 64) + 2 * 4 * layer + (4 + 4) * layer
