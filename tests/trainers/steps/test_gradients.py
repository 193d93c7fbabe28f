import pytest
import torch
from torch import nn

from trainers.steps.gradients import SIGNALS, FlatGradients
from trainers.workers.ranks import Ranks


def with_gradients(values: list[float]) -> tuple[FlatGradients, list[nn.Parameter]]:
    parameters = [nn.Parameter(torch.zeros(2, 1)), nn.Parameter(torch.zeros(len(values) - 2))]
    gradients = FlatGradients(parameters, Ranks(0, 1, torch.device("cpu")))
    loss = (torch.cat([p.flatten() for p in parameters]) * torch.tensor(values)).sum()
    loss.backward()  # type: ignore[no-untyped-call]
    return gradients, parameters


def test_autograd_writes_into_the_buffer_and_adds_up() -> None:
    gradients, parameters = with_gradients([1.0, 2.0, 3.0])
    (parameters[1].sum() * 10).backward()
    assert gradients.values.tolist() == [1.0, 2.0, 13.0]
    gradients.clear()
    assert parameters[0].grad is not None
    assert parameters[0].grad.flatten().tolist() == [0.0, 0.0]


def test_a_long_gradient_is_cut_to_the_global_norm() -> None:
    gradients, parameters = with_gradients([0.0, 3.0, 4.0])
    assert gradients.clip(1.0).item() == 5.0
    assert gradients.values.tolist() == pytest.approx([0.0, 0.6, 0.8], rel=1e-5)
    assert parameters[1].grad is not None
    assert parameters[1].grad.item() == pytest.approx(0.8, rel=1e-5)


def test_a_short_gradient_is_left_alone() -> None:
    gradients, _ = with_gradients([0.0, 0.3, 0.4])
    assert gradients.clip(1.0).item() == pytest.approx(0.5)
    assert gradients.values.tolist() == pytest.approx([0.0, 0.3, 0.4])


def test_signals_are_no_part_of_the_norm() -> None:
    gradients, _ = with_gradients([0.0, 3.0, 4.0])
    gradients.signals += 100.0
    assert gradients.clip(1.0).item() == 5.0
    assert gradients.signals.tolist() == [100.0] * SIGNALS
