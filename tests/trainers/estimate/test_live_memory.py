import torch

from trainers.estimate.live_memory import LiveMemory
from trainers.estimate.stand_in import without_numbers


def test_the_peak_is_what_lives_at_once() -> None:
    with without_numbers(False), LiveMemory([]) as memory:
        a = torch.zeros(1000)
        b = a + 1
        del a
        c = b * 2
        del b, c
        assert memory.live == 0
        assert memory.peak.total() == 2 * 4000


def test_views_and_changes_in_place_take_nothing() -> None:
    with without_numbers(False), LiveMemory([]) as memory:
        a = torch.zeros(1000)
        a.view(10, 100).t().add_(1)
        assert memory.peak.total() == 4000


def test_what_is_counted_elsewhere_is_left_out_and_its_casts_are_copies() -> None:
    with without_numbers(False):
        weight = torch.zeros(1000)
        with LiveMemory([weight]) as memory:
            weight.add_(1)
            kept = weight.to(torch.bfloat16)
            assert +memory.peak == {"copies": 2000}
            del kept


def test_what_a_backward_pass_needs_lives_until_it() -> None:
    with without_numbers(False):
        weight = torch.zeros(100, 100, requires_grad=True)
        weight.grad = torch.zeros(100, 100)
        with LiveMemory([weight, weight.grad]) as memory:
            loss = (torch.zeros(10, 100) @ weight).exp().sum()
            # The input for the weight's gradient, and what exp gave for its own.
            assert memory.live == 2 * 4000 + loss.nbytes
            loss.backward()
            del loss
            assert memory.live == 0


def test_a_new_peak_begins_with_what_is_live() -> None:
    with without_numbers(False), LiveMemory([]) as memory:
        a = torch.zeros(1000)
        torch.zeros(5000)
        memory.begin("workspace")
        b = torch.zeros(10)
        assert +memory.peak == {"activations": a.nbytes, "workspace": b.nbytes}
