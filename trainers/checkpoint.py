"""A trial's own checkpoint: what is needed to go on bit for bit, in one file that carries its checksum in its name.

Random numbers need no saving: dropout is seeded by (seed, step, rank), so the step is its state.
"""

import hashlib
import logging
import os
import shutil
from pathlib import Path
from typing import Any

import torch
from torch import nn

log = logging.getLogger(__name__)
_PATTERN = "step-*-*.pt"


def save(
    folder: Path, spec_id: str, step: int, trainable: dict[str, nn.Parameter], optimizer: torch.optim.Optimizer
) -> Path:
    """Write a checkpoint and drop the ones before it; a crash at any moment leaves the old one or the new one whole."""
    folder.mkdir(parents=True, exist_ok=True)
    temporary = folder / f"writing-{os.getpid()}"
    model = {name: p.detach() for name, p in trainable.items()}
    torch.save({"spec": spec_id, "step": step, "model": model, "optimizer": optimizer.state_dict()}, temporary)
    target = folder / f"step-{step:09d}-{_checksum(temporary)}.pt"
    temporary.replace(target)
    for old in set(folder.glob(_PATTERN)) - {target}:
        old.unlink(missing_ok=True)
    return target


def load(folder: Path, spec_id: str, device: torch.device) -> dict[str, Any] | None:
    """The newest whole checkpoint of this spec, or None; the log names what is damaged or foreign and passed over."""
    for path in sorted(folder.glob(_PATTERN), reverse=True):
        if _checksum(path) != path.stem.rpartition("-")[2]:
            log.warning("checkpoint %s is damaged (its checksum differs) and is ignored", path)
            continue
        state: dict[str, Any] = torch.load(path, map_location=device, weights_only=True)
        if state["spec"] == spec_id:
            return state
        log.warning("checkpoint %s belongs to trial %s, not to %s, and is ignored", path, state["spec"], spec_id)
    return None


def restore(state: dict[str, Any], trainable: dict[str, nn.Parameter], optimizer: torch.optim.Optimizer) -> None:
    """Put a loaded checkpoint into a model and its optimiser."""
    with torch.no_grad():
        for name, parameter in trainable.items():
            parameter.copy_(state["model"][name])
    optimizer.load_state_dict(state["optimizer"])


def remove(folder: Path) -> None:
    """Delete a trial's checkpoints."""
    if folder.exists():
        shutil.rmtree(folder)


def _checksum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]
