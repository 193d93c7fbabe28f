"""Prepare a corpus: find it in the cache by content, or make it there once."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path

from sweeper.corpora import opening
from sweeper.corpora.documents import BadDocuments
from sweeper.corpora.errors import CorpusError
from sweeper.corpora.hashes import FileHashes, digest_of
from sweeper.corpora.packing import Packed, Placed, pack
from sweeper.corpora.pool import TokenizerPool
from sweeper.corpora.prepared import PreparedCorpus, SplitCounts, load_prepared
from sweeper.corpora.source import CorpusSource
from sweeper.corpora.split import Divider, text_digest
from sweeper.corpora.tokenizer import Encoder, TokenizerRef, load_encoder
from trainers.spec import CorpusRef
from trainers.tokens.packed import FORMAT_VERSION, Split, write_meta

PREPARE_VERSION = 1
"""Changes when the same source would be read, split or packed differently."""

OnProgress = Callable[[int, int | None, str], None]
"""Bytes done, bytes in all where they are known, and what is being done."""


@dataclass(frozen=True)
class FoundCorpus:
    """What is known of a corpus without tokenising it."""

    name: str
    path: Path
    """Where it is or will be."""
    fingerprint: str
    prepared: PreparedCorpus | None
    """What is in the cache; None where it has to be made."""
    estimated_bytes: int | None
    """About how much text it holds; None where that is not known before it is read."""

    @property
    def ref(self) -> CorpusRef:
        """What a trial's spec holds of it."""
        return CorpusRef(name=self.name, path=str(self.path), fingerprint=self.fingerprint)


def find_prepared(name: str, source: CorpusSource, tokenizer: TokenizerRef, cache: Path) -> FoundCorpus:
    """Tell what a corpus is and whether it is in the cache; hashes sources, never tokenises.

    Raises:
        CorpusError: there is nothing at a source, or a data set cannot be loaded.
    """
    fingerprint = _fingerprint(source, tokenizer, cache)
    path = cache / "corpora" / fingerprint
    prepared = load_prepared(name, path, reused=True)
    return FoundCorpus(name, path, fingerprint, prepared, opening.estimated_bytes(source.source, source.max_bytes))


def prepare_corpus(
    name: str,
    source: CorpusSource,
    tokenizer: TokenizerRef,
    cache: Path,
    on_progress: OnProgress | None = None,
    pool: TokenizerPool | None = None,
) -> PreparedCorpus:
    """Give the packed corpus, made now where the cache has none of this content.

    Args:
        name: what the experiment calls it; not part of its content.
        source: where its text comes from.
        tokenizer: what turns it into tokens.
        cache: the folder that all experiments share.
        on_progress: called now and then while it is made.
        pool: what tokenises; it changes no result. None takes a new one, of every CPU.

    Raises:
        CorpusError: a source cannot be read, more than 1 % of its documents are bad, or the tokeniser cannot be used.
    """
    from filelock import FileLock

    found = find_prepared(name, source, tokenizer, cache)
    if found.prepared:
        return found.prepared
    found.path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{found.path}.lock"):
        # Another process may have made it while this one waited.
        existing = load_prepared(name, found.path, reused=True)
        if existing:
            return existing
        with nullcontext(pool) if pool else TokenizerPool() as tokenising:
            return _make(found, source, tokenizer, on_progress or _silent, tokenising, cache)


def _silent(done: int, total: int | None, label: str) -> None:
    """Progress for nobody."""


def _fingerprint(source: CorpusSource, tokenizer: TokenizerRef, cache: Path) -> str:
    """Bytes of the sources, options that change what is taken of them, tokeniser and versions.

    Not the block length: the packed format is one stream, cut into blocks when it is read.
    """
    hashes = FileHashes(cache)
    content = {
        "versions": [FORMAT_VERSION, PREPARE_VERSION],
        "tokenizer": tokenizer.fingerprint,
        "text_field": source.text_field,
        "valid_fraction": source.valid_fraction,
        "max_bytes": source.max_bytes,
        "source": opening.identity(source.source, "source", source.max_bytes, hashes),
        "valid": source.valid and opening.identity(source.valid, "valid", None, hashes),
        "test": source.test and opening.identity(source.test, "test", None, hashes),
    }
    hashes.save()
    return digest_of(content)


def _make(
    found: FoundCorpus,
    source: CorpusSource,
    tokenizer: TokenizerRef,
    on_progress: OnProgress,
    pool: TokenizerPool,
    cache: Path,
) -> PreparedCorpus:
    encoder = load_encoder(tokenizer)
    with _new_folder(found.path) as folder:
        bad = BadDocuments()
        divider = Divider(
            valid=0.0 if source.valid else source.valid_fraction, test=0.0 if source.test else source.valid_fraction
        )
        placed = _placed(source, divider, bad, on_progress, found.name)
        packed = pack(placed, tokenizer, encoder, folder, pool)
        if _fingerprint(source, tokenizer, cache) != found.fingerprint:
            raise CorpusError(f"{found.name}: its source was changed while it was read; run the same command again")
        write_meta(folder, _meta(found, source, tokenizer, encoder, packed, divider, bad))
    made = load_prepared(found.name, found.path, reused=False)
    if made is None:
        raise CorpusError(f"{found.name}: {found.path} vanished while it was made; run it again")
    return made


@contextmanager
def _new_folder(path: Path) -> Iterator[Path]:
    """A temporary folder that takes its name only when all went well; the caller holds the lock."""
    temporary = path.with_name(f".{path.name}.partial")
    # What an interrupted process left behind.
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir()
    try:
        yield temporary
        temporary.replace(path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _placed(
    source: CorpusSource, divider: Divider, bad: BadDocuments, on_progress: OnProgress, name: str
) -> Iterator[Placed]:
    """The documents of every source with their splits, explicit held-out ones first."""
    explicit: tuple[tuple[Split, str | tuple[str, ...] | None], ...] = (("test", source.test), ("valid", source.valid))
    for split, held_out in explicit:
        if held_out:
            items = opening.read(held_out, split, source.text_field, None)
            for document in bad.good(items):
                yield from _place(document.text, document.size, divider, split)
    total = opening.length(source.source, source.max_bytes)
    taken = 0
    for document in bad.good(opening.read(source.source, "source", source.text_field, source.max_bytes)):
        yield from _place(document.text, document.size, divider, None)
        taken += document.size
        on_progress(*_progress(document.position, taken, total, source.max_bytes), name)
    on_progress(total or taken, total or taken, name)


def _place(text: str, size: int, divider: Divider, explicit: Split | None) -> Iterator[Placed]:
    digest = text_digest(text)
    split = divider.place(digest, explicit)
    if split:
        yield Placed(split, digest, text, size)


def _progress(position: int, taken: int, total: int | None, max_bytes: int | None) -> tuple[int, int | None]:
    """By the nearer end: that of the files, or the limit on text."""
    if max_bytes is not None and (total is None or taken / max_bytes > position / max(total, 1)):
        return min(taken, max_bytes), max_bytes
    return (taken, None) if total is None else (min(position, total), total)


def _meta(
    found: FoundCorpus,
    source: CorpusSource,
    tokenizer: TokenizerRef,
    encoder: Encoder,
    packed: dict[Split, Packed],
    divider: Divider,
    bad: BadDocuments,
) -> dict[str, object]:
    counts = {split: SplitCounts(p.documents, p.tokens, p.bytes, divider.dropped[split]) for split, p in packed.items()}
    return {
        "fingerprint": found.fingerprint,
        "source": asdict(source),
        "tokenizer": tokenizer.fingerprint,
        "vocabulary": encoder.vocabulary,
        "end_of_text": encoder.end_text,
        "counts": {split: asdict(count) for split, count in counts.items()},
        "repeated": divider.repeated(),
        "bad": bad.count,
        "bad_shown": [str(item) for item in bad.first],
    }
