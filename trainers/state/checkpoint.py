"""A trial's own checkpoint: what is needed to go on bit for bit, in one file that carries its checksum in its name.

Random numbers need no saving: dropout is seeded by (seed, step, rank), so the step is its state. A folder keeps the
newest checkpoint and the one before it, which serves where the newest turns out damaged.
"""

import hashlib
import logging
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

from trainers.model.sharding import like

log = logging.getLogger(__name__)
_PATTERN, _FILE = "step-*-*.*", "step-*-*.pt"


def save(
    folder: Path,
    spec_id: str,
    step: int,
    trainable: dict[str, nn.Parameter],
    optimizer: torch.optim.Optimizer,
    measured: Sequence[str] = (),
) -> Path:
    """Write a checkpoint and drop all but the one before it; a crash at any moment leaves the old ones whole.

    Args:
        folder: where.
        spec_id: whose it is.
        step: steps done.
        trainable: parameters by name.
        optimizer: that trains them.
        measured: what the trial has measured so far, as JSON.

    Raises:
        OSError: it cannot be written, e.g. because the disk is full; nothing of it is left.
    """
    folder.mkdir(parents=True, exist_ok=True)
    temporary = folder / f"writing-{os.getpid()}"
    model = {name: p.detach() for name, p in trainable.items()}
    state = {"spec": spec_id, "step": step, "model": model, "optimizer": optimizer.state_dict()}
    try:
        _write(temporary, state | {"measured": list(measured)})
        target = folder / f"step-{step:09d}-{checksum(temporary)}.pt"
        temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)  # on a full disk it would be in the way of everything else
        raise
    drop_others(target)
    return target


def _write(path: Path, state: dict[str, Any]) -> None:
    try:
        with path.open("wb") as file:
            torch.save(state, file)
    except RuntimeError as error:
        # torch closes its archive after a failed write and complains of that; what the system said comes before.
        if isinstance(error.__context__, OSError):
            raise error.__context__ from None
        raise


def drop_others(target: Path) -> None:
    """Delete the checkpoints in the folder of `target` but itself and the one before it, and what is half written.

    Later ones were passed over when the trial began, for they are damaged or another trial's.
    """
    others = [path for path in found(target.parent) if path != target]
    before = next((path for path in others if _step(path) < _step(target)), None)
    for old in {*others, *target.parent.glob("writing-*")} - {before}:
        if old.is_dir():
            shutil.rmtree(old)
        else:
            old.unlink(missing_ok=True)


def _step(path: Path) -> int:
    return int(path.name.split("-")[1])


def found(folder: Path) -> list[Path]:
    """Every checkpoint in a folder, of one file or sharded, newest first."""
    return sorted(folder.glob(_PATTERN), reverse=True)


def load(folder: Path, spec_id: str, device: torch.device) -> dict[str, Any] | None:
    """The newest whole one-file checkpoint of this spec, or None; the log names what is passed over."""
    states = (read(path, spec_id, device) for path in found(folder) if path.match(_FILE))
    return next((state for state in states if state is not None), None)


def read(path: Path, spec_id: str, device: torch.device) -> dict[str, Any] | None:
    """The state in one file; None where it is damaged or belongs to another trial, which the log says."""
    if not path.is_file() or checksum(path) != path.stem.rpartition("-")[2]:
        log.warning("checkpoint %s is damaged (its checksum differs) and is ignored", path)
        return None
    state: dict[str, Any] = torch.load(path, map_location=device, weights_only=True)
    if state["spec"] == spec_id:
        return state
    log.warning("checkpoint %s belongs to trial %s, not to %s, and is ignored", path, state["spec"], spec_id)
    return None


def restore(state: dict[str, Any], trainable: dict[str, nn.Parameter], optimizer: torch.optim.Optimizer) -> None:
    """Put a loaded checkpoint into a model and its optimiser, which may be sharded."""
    with torch.no_grad():
        for name, parameter in trainable.items():
            parameter.copy_(like(parameter, state["model"][name]))
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    for index, numbers in state["optimizer"]["state"].items():
        for name, value in numbers.items():
            # A count of steps is the same for all; bitsandbytes' states are never divided.
            if isinstance(value, torch.Tensor) and value.ndim > 0:
                numbers[name] = like(parameters[index], value)
    optimizer.load_state_dict(state["optimizer"])


def remove(folder: Path) -> None:
    """Delete a trial's checkpoints."""
    if folder.exists():
        shutil.rmtree(folder)


def checksum(path: Path) -> str:
    """Of a file, 16 hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]
