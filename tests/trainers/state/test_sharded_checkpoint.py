import json
import logging
from pathlib import Path

import pytest
import torch
from torch import nn

from trainers.state import sharded_checkpoint
from trainers.workers.ranks import Ranks

CPU = torch.device("cpu")
ALONE = Ranks(0, 1, CPU)


def trained(seed: int) -> tuple[dict[str, nn.Parameter], torch.optim.Optimizer]:
    """Two parameters after two steps of AdamW."""
    torch.manual_seed(seed)
    parameters = {"a": nn.Parameter(torch.randn(5, 3)), "b": nn.Parameter(torch.randn(4))}
    optimizer = torch.optim.AdamW(parameters.values(), fused=True)
    for _ in range(2):
        for parameter in parameters.values():
            parameter.grad = torch.randn_like(parameter)
        optimizer.step()
    return parameters, optimizer


def numbers(parameters: dict[str, nn.Parameter], optimizer: torch.optim.Optimizer) -> list[list[float]]:
    states = [state for p in parameters.values() for _, state in sorted(optimizer.state[p].items())]
    return [values.detach().flatten().tolist() for values in [*parameters.values(), *states]]


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    return sharded_checkpoint.save(tmp_path / "c", "me", 7, *trained(1), ALONE)


def step_of(path: Path) -> int | None:
    content = sharded_checkpoint.read(path, "me", ALONE)
    return None if content is None else content["step"]


def test_what_is_written_is_read_back_exactly(saved: Path) -> None:
    assert step_of(saved) == 7
    other = trained(2)
    assert numbers(*other) != numbers(*trained(1))
    sharded_checkpoint.restore(saved, *other)
    assert numbers(*other) == numbers(*trained(1))


def test_an_optimiser_goes_on_from_what_was_read(saved: Path) -> None:
    straight, restored = trained(1), trained(2)
    sharded_checkpoint.restore(saved, *restored)
    for parameters, optimizer in (straight, restored):
        for parameter in parameters.values():
            parameter.grad = torch.ones_like(parameter)
        optimizer.step()
    assert numbers(*restored) == numbers(*straight)


def test_the_new_checkpoint_and_the_one_before_it_are_kept(saved: Path) -> None:
    (saved.parent / "writing-sharded").mkdir()
    eighth = sharded_checkpoint.save(saved.parent, "me", 8, *trained(2), ALONE)
    assert set(saved.parent.iterdir()) == {saved, eighth}
    ninth = sharded_checkpoint.save(saved.parent, "me", 9, *trained(2), ALONE)
    assert set(saved.parent.iterdir()) == {eighth, ninth}


def test_the_same_checkpoint_again_mends_a_damaged_one(saved: Path) -> None:
    (saved / "__0_0.distcp").write_bytes(b"")
    again = sharded_checkpoint.save(saved.parent, "me", 7, *trained(1), ALONE)
    assert list(saved.parent.iterdir()) == [again]
    assert step_of(again) == 7


def test_what_was_measured_is_found_again(saved: Path) -> None:
    kept = sharded_checkpoint.save(saved.parent, "me", 8, *trained(1), ALONE, ["a", "b"])
    content = sharded_checkpoint.read(kept, "me", ALONE)
    assert content is not None
    assert content["measured"] == ["a", "b"]


@pytest.mark.parametrize("file", ["whole.json", ".metadata", "__0_0.distcp"])
@pytest.mark.parametrize("damage", ["flipped", "cut", "gone"])
def test_damage_is_noticed(saved: Path, file: str, damage: str, caplog: pytest.LogCaptureFixture) -> None:
    content = bytearray((saved / file).read_bytes())
    content[len(content) // 2] ^= 1
    if damage == "gone":
        (saved / file).unlink()
    else:
        (saved / file).write_bytes(content if damage == "flipped" else content[: len(content) // 2])
    with caplog.at_level(logging.WARNING, "trainers"):
        assert sharded_checkpoint.read(saved, "me", ALONE) is None
    assert f"the checksum of its {file} differs" in caplog.text


def test_each_file_is_checked_by_one_of_the_ranks(saved: Path) -> None:
    files = json.loads((saved / "whole.json").read_text(encoding="utf-8"))["files"]
    assert len(files) == 2
    (saved / "__0_0.distcp").write_bytes(b"")
    found = [sharded_checkpoint.read(saved, "me", Ranks(rank, 2, CPU)) for rank in range(2)]
    assert sum(content is None for content in found) == 1


def test_another_trials_checkpoint_is_passed_over(saved: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "trainers"):
        assert sharded_checkpoint.read(saved, "you", ALONE) is None
    assert "belongs to trial me, not to you" in caplog.text
