"""`doctor`: is everything here that a run needs, and does it work?"""

import argparse
import importlib.metadata
import platform
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from sweeper.cli.top import print_json

PACKAGES = ("ray", "torch", "transformers", "peft", "bitsandbytes", "datasets", "optuna", "mlflow")
GIB = 2**30
NEEDED_MEMORY = 8 * GIB
NEEDED_DISK = 5 * GIB


@dataclass(frozen=True)
class Finding:
    """One thing looked at."""

    what: str
    ok: bool
    found: str
    remedy: str = ""


def doctor_verb(arguments: argparse.Namespace) -> int:
    """Print what was found; 0 where everything is well, 1 where something is not."""
    findings = list(examine(arguments.address))
    well = all(finding.ok for finding in findings)
    if arguments.json:
        print_json({"ok": well, "findings": [asdict(finding) for finding in findings]})
    else:
        for finding in findings:
            remedy = "" if finding.ok else f"; {finding.remedy}"
            print(f"{'ok ' if finding.ok else 'BAD'} {finding.what}: {finding.found}{remedy}")
    return 0 if well else 1


def examine(address: str | None) -> Iterator[Finding]:
    """Everything, the quick things first."""
    yield _python()
    for package in PACKAGES:
        yield _package(package)
    yield _memory()
    yield _disk()
    yield _attempt("torch device", _device)
    yield _attempt("NF4 quantisation (bitsandbytes)", _nf4)
    if address is not None:
        yield _attempt(f"Ray cluster at {address}", lambda: _cluster(address))


def _python() -> Finding:
    version = platform.python_version()
    return Finding("Python", sys.version_info[:2] == (3, 11), version, "use Python 3.11, which the pins are for")


def _package(name: str) -> Finding:
    try:
        return Finding(name, True, importlib.metadata.version(name))
    except importlib.metadata.PackageNotFoundError:
        return Finding(name, False, "not installed", "run `make install`")


def _memory() -> Finding:
    import psutil

    free = psutil.virtual_memory().available
    return Finding(
        "memory", free >= NEEDED_MEMORY, f"{free / GIB:.1f} GiB free", "Ray and two small lanes use up to 8 GiB"
    )


def _disk() -> Finding:
    free = shutil.disk_usage(Path.cwd()).free
    return Finding("disk", free >= NEEDED_DISK, f"{free / GIB:.1f} GiB free here", "leave 5 GiB, or use another disk")


def _attempt(what: str, look: Callable[[], str]) -> Finding:
    try:
        return Finding(what, True, look())
    except Exception as error:
        # Whatever goes wrong is the finding: that is what doctor is for.
        return Finding(what, False, f"{type(error).__name__}: {error}", "see docs/decisions.md for the pinned versions")


def _device() -> str:
    import torch

    if torch.cuda.is_available():
        names = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
        return f"{len(names)} GPUs ({', '.join(sorted(set(names)))})"
    return f"CPU, {torch.get_num_threads()} threads"


def _nf4() -> str:
    import torch
    from bitsandbytes.nn import Linear4bit

    device = "cuda" if torch.cuda.is_available() else "cpu"
    exact = torch.nn.Linear(64, 64, bias=False)
    quantised = Linear4bit(64, 64, bias=False, quant_type="nf4", compress_statistics=True, compute_dtype=torch.float32)
    quantised.load_state_dict(exact.state_dict())
    quantised, exact = quantised.to(device), exact.to(device)
    x = torch.randn(32, 64, device=device)
    error = float(((quantised(x) - exact(x)).norm() / exact(x).norm()).detach())
    if not error < 0.2:
        raise ValueError(f"a 4-bit layer differs from the exact one by {error:.0%}")
    return f"relative error of a layer {error:.1%}"


def _cluster(address: str) -> str:
    import ray

    from sweeper.lanes import cluster

    cluster.join(address)
    nodes = [node for node in ray.nodes() if node["Alive"]]
    found = cluster.resources()
    return f"{len(nodes)} nodes, {found.get('CPU', 0):.0f} CPUs, {found.get('GPU', 0):.0f} GPUs"
