"""The file of fitted laws that `predict` and `recommend` start from."""

from pathlib import Path
from typing import TYPE_CHECKING

from sweeper.errors import SweeperError

if TYPE_CHECKING:
    from sweeper.laws import LawSet


def read_laws(path: Path) -> "LawSet":
    """The laws of a file that `fit` wrote, or of the folder that holds it.

    Raises:
        SweeperError: there is no such file, or it holds something else.
    """
    from sweeper.laws import LawError, LawSet

    file = path / "laws.json" if path.is_dir() else path
    if not file.is_file():
        raise SweeperError(f"laws: there is no file {file}; `python -m sweeper fit TABLE` writes one")
    try:
        return LawSet.from_json(file.read_text(encoding="utf-8"))
    except (LawError, UnicodeDecodeError) as error:
        raise SweeperError(f"{file}: {error}; `python -m sweeper fit TABLE` writes such a file") from error


def sizes_of(laws: "LawSet") -> list[float]:
    """The measured sizes, in rising order; none where the table did not say them."""
    sizes = {size for law in laws.corpora.values() for size in law.max_tokens}
    return sorted(sizes) if sizes != {1.0} else []
