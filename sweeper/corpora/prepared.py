"""A packed corpus in the cache, with what was counted when it was made."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sweeper.corpora.errors import CorpusError
from trainers.spec import CorpusRef
from trainers.tokens.packed import SPLITS

FEW_TOKENS = 16_384
"""Held-out splits below this give noisy losses."""


@dataclass(frozen=True)
class SplitCounts:
    """What one split holds."""

    documents: int
    tokens: int
    """With one end-of-text token a document."""
    bytes: int
    """UTF-8 bytes of text."""
    dropped: int
    """Exact duplicates left out: of a held-out document, or within a held-out split."""


@dataclass(frozen=True)
class PreparedCorpus:
    """A packed corpus that is ready to train on."""

    name: str
    path: Path
    fingerprint: str
    counts: dict[str, SplitCounts]
    """By split."""
    repeated: int
    """Training documents that copy an earlier one; they were kept."""
    bad: int
    """Documents that could not be used."""
    bad_shown: tuple[str, ...]
    """The first few of them: file, line and reason."""
    end_of_text: str
    """The token that closes each document."""
    reused: bool
    """Whether it was in the cache."""

    @property
    def ref(self) -> CorpusRef:
        """What a trial's spec holds of it."""
        return CorpusRef(name=self.name, path=str(self.path), fingerprint=self.fingerprint)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What someone who reads the counts should know."""
        found = [
            f"{self.name}: {split} has {self.counts[split].tokens:,} tokens, fewer than {FEW_TOKENS:,}: its losses "
            f"will be noisy; raise valid_fraction or name more text in `{split}`"
            for split in ("valid", "test")
            if self.counts[split].tokens < FEW_TOKENS
        ]
        if self.bad:
            found.append(f"{self.name}: {self.bad} bad documents left out: " + "; ".join(self.bad_shown))
        return tuple(found)

    def require_blocks(self, length: int) -> None:
        """Refuse a corpus too small for its purpose.

        Args:
            length: tokens a block.

        Raises:
            CorpusError: a split holds not one whole block.
        """
        for split in SPLITS:
            tokens = self.counts[split].tokens
            if tokens <= length:
                raise CorpusError(
                    f"corpora: {self.name} has {tokens:,} tokens in {split}, which is no whole block of {length} "
                    "(max_seq_length) and the token after it; give more text, raise valid_fraction, or name explicit "
                    "valid and test sources"
                )


def load_prepared(name: str, path: Path, reused: bool) -> PreparedCorpus | None:
    """Read what stands in a folder of the cache; None where it is not whole."""
    meta_path = path / "meta.json"
    if not meta_path.is_file():
        return None
    meta: dict[str, Any] = json.loads(meta_path.read_text(encoding="utf-8"))
    return PreparedCorpus(
        name=name,
        path=path,
        fingerprint=meta["fingerprint"],
        counts={split: SplitCounts(**meta["counts"][split]) for split in SPLITS},
        repeated=meta["repeated"],
        bad=meta["bad"],
        bad_shown=tuple(meta["bad_shown"]),
        end_of_text=meta["end_of_text"],
        reused=reused,
    )
