"""An estimate in words. Free of torch."""

from trainers.estimate.estimated import Estimate, Flops, StepMemory

DEFAULT_ALLOCATOR = 2.3
"""What a CPU's C library was seen to hold at most over what tensors held (`benchmarks.memory_plan`, glibc 2.36)."""


def estimate_lines(estimates: list[Estimate], device: str) -> list[str]:
    """A table of memory, and the operations.

    Args:
        estimates: of the trial as its spec says, and of the smaller micro-batches that it may try.
        device: `cpu` or `cuda`.
    """
    return [*_memory(estimates[0]), *_smaller(estimates), *_caution(estimates[0], device), *_flops(estimates[0].flops)]


def _memory(found: Estimate) -> list[str]:
    whom = "the worker" if found.workers == 1 else f"each of {found.workers} workers"
    lines = [f"memory of {whom}, MiB, {found.micro_batch} sequences at once"]
    if found.step is not None:
        lines += [f"  {name:<22}{_mib(getattr(found.step, name)):>10}" for name in StepMemory.model_fields]
        lines.append(f"  {'a training step':<22}{_mib(found.step.total):>10}")
    lines += [f"  {'an evaluation':<22}{_mib(found.evaluation):>10}", f"  {'loading':<22}{_mib(found.loading):>10}"]
    lines.append(f"  {'peak':<22}{_mib(found.peak):>10}")
    if found.paged:
        lines.append(f"  {'paged optimiser state':<22}{_mib(found.paged):>10}  in the GPU as far as there is room")
    return lines


def _smaller(estimates: list[Estimate]) -> list[str]:
    if len(estimates) == 1:
        return []
    peaks = ", ".join(f"{e.micro_batch} at once {_mib(e.peak)}" for e in estimates[1:])
    return [f"auto_batch may fall back to (peak, MiB): {peaks}"]


def _caution(found: Estimate, device: str) -> list[str]:
    if device == "cuda":
        return ["this is what tensors hold; CUDA itself takes some hundred MiB a process besides"]
    most = _mib(DEFAULT_ALLOCATOR * found.peak)
    return [
        f"this is what tensors hold; a CPU's C library may keep up to {DEFAULT_ALLOCATOR:g} times as much ({most} MiB),"
        " which MALLOC_MMAP_THRESHOLD_=1048576 in the environment avoids, at a cost in speed"
    ]


def _flops(flops: Flops) -> list[str]:
    recomputed = f", of which {_short(flops.recomputed_token)} recomputed" if flops.recomputed_token else ""
    return [
        f"floating-point operations: {_short(flops.trained_token)} a token trained{recomputed}, "
        f"{_short(flops.scored_token)} a token scored",
        f"of the trial: {_short(flops.training)} training + {_short(flops.evaluation)} evaluation = "
        f"{_short(flops.total)}",
    ]


def _mib(n_bytes: float) -> str:
    return f"{n_bytes / 2**20:,.1f}"


def _short(flops: float) -> str:
    return f"{flops:.3g}"
