"""What a corpus is made from."""

from dataclasses import dataclass

from sweeper.corpora.errors import CorpusError

Parts = str | tuple[str, ...]


@dataclass(frozen=True)
class CorpusSource:
    """Where the text of a corpus comes from, and which part of it is held out.

    Raises:
        CorpusError: a value is out of range.
    """

    source: Parts
    """`builtin:docs`, `builtin:code`, `hf:NAME[:CONFIG]`, a file, a folder or a glob; or several, read in order."""
    text_field: str = "text"
    """The field (jsonl) or column (parquet, Hugging Face) that holds a document's text."""
    valid: Parts | None = None
    """Sources of the validation documents; None splits them off `source`."""
    test: Parts | None = None
    """Sources of the test documents; None splits them off `source`."""
    valid_fraction: float = 0.02
    """Share of the documents that go to validation, and the same share again to test."""
    max_bytes: int | None = None
    """Documents of `source` are taken in order until they hold this many bytes of UTF-8 text; None takes all."""

    def __post_init__(self) -> None:
        if not self.source or any(not part for part in parts(self.source)):
            raise CorpusError(
                f"source: {self.source!r} names nothing to read; give a path, a glob, builtin: or hf: name"
            )
        if not 0 < self.valid_fraction < 0.5:
            raise CorpusError(f"valid_fraction: {self.valid_fraction} must lie between 0 and 0.5, both excluded")
        if self.max_bytes is not None and self.max_bytes < 1:
            raise CorpusError(f"max_bytes: {self.max_bytes} must be at least 1; leave it out to take everything")


def parts(source: Parts) -> tuple[str, ...]:
    """The sources one by one."""
    return (source,) if isinstance(source, str) else source
