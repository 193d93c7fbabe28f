"""Tables and laws on disk, for the verbs that read them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.tables_on_disk import write
from tests.laws.simulated_cpt import anchored_truth, simulate

TOKENS = (25_000, 50_000, 75_000, 100_000, 130_000, 160_000)


@pytest.fixture(scope="session")
def columns() -> dict[str, list[Any]]:
    """Two corpora, two sizes, five ratios, measured to 160,000 tokens."""
    return simulate(anchored_truth, tokens=TOKENS)


@pytest.fixture(scope="session")
def laws(tmp_path_factory: pytest.TempPathFactory, columns: dict[str, list[Any]]) -> Path:
    """Their laws, fitted once."""
    from sweeper.__main__ import main

    folder = tmp_path_factory.mktemp("laws")
    assert main(["fit", str(write(folder / "table.csv", columns)), "--bootstrap", "4"]) == 0
    return folder / "laws.json"


@pytest.fixture
def points(tmp_path: Path) -> Callable[[str], Path]:
    """Writes a file of points."""

    def made(text: str) -> Path:
        path = tmp_path / "points.csv"
        path.write_text(text, encoding="utf-8")
        return path

    return made
