"""What all rooms' tests share: one local Ray for those marked `ray`."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

# How long one example takes says more about the machine than about the code.
hypothesis.settings.register_profile("patient", deadline=None)
hypothesis.settings.load_profile("patient")

ROOT = Path(__file__).parents[1]
CPUS = 4


@pytest.fixture(scope="session", autouse=True)
def _interruptible() -> None:
    """A runner started in a shell's background ignores SIGINT and hands that on to every process it starts."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def local_ray() -> Iterator[None]:
    """A local Ray of four CPUs with the product's settings; executors find it started and leave it running.

    Its workers inherit the environment: they import `tests`, and use one thread each.
    """
    from sweeper.lanes import cluster

    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("PYTHONPATH", str(ROOT), prepend=os.pathsep)
        environment.setenv("OMP_NUM_THREADS", "1")
        cluster.join(None, cpus=CPUS)
        yield
        cluster.leave()
