"""The documents of a source, good and bad."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from sweeper.corpora.errors import CorpusError

MAX_BAD_SHARE = 0.01
SHOWN = 5
EARLY = 500


@dataclass(frozen=True, slots=True)
class Document:
    """One document as it was read."""

    text: str
    size: int
    """UTF-8 bytes of `text`."""
    position: int
    """Bytes of the source consumed so far, for progress."""


@dataclass(frozen=True, slots=True)
class BadDocument:
    """One document that cannot be used."""

    file: str
    line: int
    """From 1; the row for tables."""
    reason: str

    def __str__(self) -> str:
        """As editors and terminals link it."""
        return f"{self.file}:{self.line}: {self.reason}"


Item = Document | BadDocument


def document_or_bad(text: object, file: str, line: int, position: int) -> Item:
    """Check what a reader found where the text of a document should be."""
    if not isinstance(text, str):
        return BadDocument(file, line, f"the text is of type {type(text).__name__}, not a string")
    if not text.strip():
        return BadDocument(file, line, "empty")
    try:
        size = len(text.encode("utf-8"))
    except UnicodeEncodeError:  # JSON can spell half of a surrogate pair, which no UTF-8 text can hold
        return BadDocument(file, line, "not UTF-8 (half of a surrogate pair)")
    return Document(text, size, position)


@dataclass
class BadDocuments:
    """Counts the bad documents among those read and keeps the first few to show."""

    read: int = 0
    count: int = 0
    first: list[BadDocument] = field(default_factory=list)

    def good(self, items: Iterator[Item]) -> Iterator[Document]:
        """Pass the good documents on.

        Raises:
            CorpusError: more than 1 % are bad at the end, or more than half of them early on.
        """
        for item in items:
            self.read += 1
            if isinstance(item, Document):
                yield item
            else:
                self._note(item)
        self._refuse_above(MAX_BAD_SHARE)

    def _note(self, bad: BadDocument) -> None:
        self.count += 1
        if len(self.first) < SHOWN:
            self.first.append(bad)
        if self.read >= EARLY:
            self._refuse_above(0.5)

    def _refuse_above(self, share: float) -> None:
        if self.count > share * self.read:
            shown = "\n".join(f"  {bad}" for bad in self.first)
            raise CorpusError(
                f"{self.count} of the first {self.read} documents cannot be used, at most {MAX_BAD_SHARE:.0%} may be "
                f"bad; the first of them:\n{shown}\nMend or remove them, or name the field with `text_field`."
            )
