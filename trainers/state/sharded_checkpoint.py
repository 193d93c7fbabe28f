"""A checkpoint that all ranks write together, each its own part, and any number of ranks can read.

A folder `step-STEP-CHECKSUM.sharded`: the parts as `torch.distributed.checkpoint` writes them, and `whole.json` with
the checksums of all files, whose own checksum is in the folder's name. It gets its name in one step, when all is there.
"""

import json
import logging
import shutil
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import nn

from trainers.state.checkpoint import checksum, drop_others
from trainers.workers.ranks import Ranks

log = logging.getLogger(__name__)
T = TypeVar("T")
SUFFIX = ".sharded"
_WRITING, _MANIFEST = "writing-sharded", "whole.json"
_MOMENTS = ("exp_avg", "exp_avg_sq")
"""AdamW's, shaped as the parameter; its third number is the count of steps."""


def save(
    folder: Path,
    owner: str,
    step: int,
    trainable: dict[str, nn.Parameter],
    optimizer: torch.optim.Optimizer,
    ranks: Ranks,
    measured: Sequence[str] = (),
) -> Path:
    """Write a checkpoint and drop all but the one before it; all ranks must call it, with one folder that all see.

    A crash at any moment leaves the old ones whole.

    Raises:
        TrialFailed: a rank could not write its part.
    """
    temporary = folder / _WRITING
    ranks.of_first(lambda: _make_empty(temporary))
    state = {"model": {name: p.detach() for name, p in trainable.items()}, "optimizer": _moments(trainable, optimizer)}
    ranks.together(lambda: _write_parts(temporary, state))
    mine = ranks.together(lambda: {file.name: checksum(file) for file in _share(_parts(temporary), ranks)})
    checksums = {name: value for part in ranks.all_of(mine) for name, value in part.items()}
    content = {"spec": owner, "step": step, "files": checksums, "measured": list(measured)}
    return ranks.of_first(lambda: _give_name(temporary, content))


def read(path: Path, owner: str, ranks: Ranks) -> dict[str, Any] | None:
    """`step`, `measured` and more; None where this rank's share of it is damaged, or it belongs to another trial."""
    manifest = path / _MANIFEST
    if not manifest.is_file() or checksum(manifest) != path.stem.rpartition("-")[2]:
        log.warning("checkpoint %s is damaged (the checksum of its %s differs) and is ignored", path, _MANIFEST)
        return None
    content: dict[str, Any] = json.loads(manifest.read_text(encoding="utf-8"))
    if content["spec"] != owner:
        log.warning("checkpoint %s belongs to trial %s, not to %s, and is ignored", path, content["spec"], owner)
        return None
    for name in _share(sorted(content["files"]), ranks):
        file = path / name
        if not file.is_file() or checksum(file) != content["files"][name]:
            log.warning("checkpoint %s is damaged (the checksum of its %s differs) and is ignored", path, name)
            return None
    return content


def restore(path: Path, trainable: dict[str, nn.Parameter], optimizer: torch.optim.Optimizer) -> None:
    """Read a checkpoint into a model and its optimiser, each rank what it holds; all ranks must call it.

    Raises:
        Exception: the first that any rank met, on every rank.
    """
    from torch.distributed.checkpoint.filesystem import FileSystemReader
    from torch.distributed.checkpoint.state_dict_loader import load

    moments = {name: _blank_moments(parameter) for name, parameter in trainable.items()}
    state: dict[str, Any] = {"model": {name: p.detach() for name, p in trainable.items()}, "optimizer": moments}
    with _as_one_error():
        load(state, storage_reader=FileSystemReader(path))
    for name, parameter in trainable.items():
        optimizer.state[parameter] = state["optimizer"][name]


def _write_parts(folder: Path, state: dict[str, Any]) -> None:
    from torch.distributed.checkpoint.filesystem import FileSystemWriter
    from torch.distributed.checkpoint.state_dict_saver import save as write

    with _as_one_error():
        write(state, storage_writer=FileSystemWriter(folder))


@contextmanager
def _as_one_error() -> Iterator[None]:
    # What torch raises here is no Exception but a BaseException, which nobody expects.
    from torch.distributed.checkpoint.api import CheckpointException

    with warnings.catch_warnings():
        # That a process alone has no group is no news.
        warnings.filterwarnings("ignore", message="torch.distributed is disabled")
        try:
            yield
        except CheckpointException as together:
            error = next(iter(together.failures.values()))[0]
            raise error from together


def _moments(trainable: dict[str, nn.Parameter], optimizer: torch.optim.Optimizer) -> dict[str, Any]:
    return {name: dict(optimizer.state[parameter]) for name, parameter in trainable.items()}


def _blank_moments(parameter: nn.Parameter) -> dict[str, torch.Tensor]:
    values = parameter.detach()
    blank = {name: torch.zeros_like(values) for name in _MOMENTS}
    return blank | {"step": torch.zeros((), dtype=torch.float32, device=values.device)}


def _make_empty(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)


def _parts(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.name != _MANIFEST)


def _share(items: list[T], ranks: Ranks) -> list[T]:
    return items[ranks.rank :: ranks.size]


def _give_name(temporary: Path, content: dict[str, Any]) -> Path:
    manifest = temporary / _MANIFEST
    manifest.write_text(json.dumps(content, indent=1, sort_keys=True), encoding="utf-8")
    target = temporary.with_name(f"step-{content['step']:09d}-{checksum(manifest)}{SUFFIX}")
    if target.exists():  # of an earlier attempt; its files may have been damaged since
        shutil.rmtree(target)
    temporary.replace(target)
    drop_others(target)
    return target
