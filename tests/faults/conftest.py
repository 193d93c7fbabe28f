"""One cluster and one undisturbed sweep, which all fault tests are held against."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.faults.sweeps import Sweep

Make = Callable[..., Sweep]


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Packed text and the pre-trained base model, shared by all sweeps here."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="session")
def address(local_ray: None) -> str:
    """Of the session's Ray."""
    import ray

    return str(ray.get_runtime_context().gcs_address)


@pytest.fixture(scope="session")
def undisturbed(cache: Path, address: str, tmp_path_factory: pytest.TempPathFactory) -> Sweep:
    """A sweep that nothing happened to."""
    sweep = Sweep(tmp_path_factory.mktemp("undisturbed"), cache, address)
    sweep.write()
    assert sweep.run() == 0, sweep.said
    return sweep


@pytest.fixture
def make_sweep(undisturbed: Sweep, cache: Path, address: str, tmp_path: Path) -> Make:
    """The same experiment in a folder of its own; keyword arguments change its file."""

    def make(**changes: Any) -> Sweep:
        sweep = Sweep(tmp_path, cache, address)
        sweep.write(**changes)
        return sweep

    return make
