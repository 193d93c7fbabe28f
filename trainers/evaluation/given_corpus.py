"""Corpora that are named on a command line: packed folders, and files of documents packed in memory."""

import difflib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainers.errors import TrainerError
from trainers.evaluation.evaluate import Corpus, EvaluationSplit
from trainers.tokens.documents import KINDS, is_document_file, read_documents
from trainers.tokens.packed import PackedCorpus, PackedSplit

_TEXTS_AT_ONCE = 256
_DOCUMENTS_LOOKED_AT = 20
_BYTES_OFF = 0.1
"""How far the text that a tokeniser makes of stored tokens may be from the text that was stored, in bytes: some
tokenisers normalise spaces."""


def given_corpus(name: str, split: EvaluationSplit, tokenizer: Any | None, vocabulary: int, text_field: str) -> Corpus:
    """A corpus ready to be measured.

    Args:
        name: a packed folder or a file of documents.
        split: what of a packed folder is measured; a file is all one split.
        tokenizer: the model's own, a `transformers` tokeniser; None where the model has none.
        vocabulary: of the model.
        text_field: of JSON lines and parquet.

    Raises:
        TrainerError: it is neither, it cannot be read, or another model's tokeniser packed it.
    """
    path = Path(name)
    if path.is_dir():
        corpus = PackedCorpus(path)
        check_tokeniser(corpus, split, tokenizer, vocabulary)
        return corpus
    if not path.is_file() or not is_document_file(path):
        raise TrainerError(f"corpus: {name} is neither a packed folder nor a file; {_advice(path)}")
    if tokenizer is None:
        raise TrainerError(
            f"corpus: {name} is text, but the model has no tokeniser beside it; put its tokeniser into its folder, or "
            "give a packed folder"
        )
    return {split: packed_in_memory(read_documents(path, text_field), tokenizer, name)}


def _advice(path: Path) -> str:
    kinds = ", ".join(KINDS)
    if path.is_file():
        return f"files are {kinds}, or these with .gz or .zst"
    beside = [p.name for p in path.parent.iterdir()] if path.parent.is_dir() else []
    near = difflib.get_close_matches(path.name, beside, n=1)
    return f"did you mean {near[0]!r}?" if near else f"give a folder with meta.json or a file ({kinds})"


def packed_in_memory(texts: Iterable[str], tokenizer: Any, name: str) -> PackedSplit:
    """Documents as one token stream with their table, each closed by the tokeniser's end-of-text token.

    Raises:
        TrainerError: there is no document, or no end-of-text token.
    """
    end = tokenizer.eos_token_id
    if end is None:
        raise TrainerError("model: its tokeniser has no end-of-text token (eos_token); add it to tokenizer_config.json")
    tokens: list[NDArray[np.uint32]] = []
    sizes: list[int] = []
    batch: list[str] = []
    for text in texts:
        batch.append(text)
        sizes.append(len(text.encode("utf-8")))
        if len(batch) == _TEXTS_AT_ONCE:
            tokens += _encoded(batch, tokenizer, end)
            batch = []
    tokens += _encoded(batch, tokenizer, end)
    if not tokens:
        raise TrainerError(f"corpus: {name} has no document that is not empty")
    lengths = np.array([len(document) for document in tokens], dtype=np.int64)
    table = np.stack([np.cumsum(lengths) - lengths, lengths, np.array(sizes, dtype=np.int64)], axis=1)
    return PackedSplit(np.concatenate(tokens), table)


def _encoded(texts: list[str], tokenizer: Any, end: int) -> list[NDArray[np.uint32]]:
    if not texts:
        return []
    found = tokenizer(texts, add_special_tokens=False, verbose=False)["input_ids"]
    return [np.array([*ids, end], dtype=np.uint32) for ids in found]


def check_tokeniser(corpus: PackedCorpus, split: EvaluationSplit, tokenizer: Any | None, vocabulary: int) -> None:
    """Refuse a packed corpus whose tokens are another tokeniser's, as far as it can be known.

    Known are the vocabulary, the end-of-text token, and how long the texts of some documents are.

    Raises:
        TrainerError: they do not fit.
    """
    packed = corpus[split]
    largest = int(packed.tokens.max()) if len(packed.tokens) else 0
    why = None
    if largest >= vocabulary:
        why = f"it holds the token {largest}, the model knows {vocabulary}"
    elif tokenizer is not None and len(packed.documents):
        why = _other_end(corpus, packed, tokenizer) or _other_text(packed, tokenizer)
    if why is not None:
        raise TrainerError(
            f"corpus: {corpus.path} was packed with another tokeniser than the model's: {why}; prepare it again with "
            "this model's, or give its text"
        )


def _other_end(corpus: PackedCorpus, packed: PackedSplit, tokenizer: Any) -> str | None:
    text = corpus.meta.get("end_of_text")
    begin, length, _ = packed.documents[0]
    stored = int(packed.tokens[begin + length - 1])
    known = None if text is None else tokenizer.convert_tokens_to_ids(text)
    if text is None or known == stored:
        return None
    return f"its documents end with {text!r} as token {stored}, which the model's tokeniser gives as {known}"


def _other_text(packed: PackedSplit, tokenizer: Any) -> str | None:
    documents = packed.documents[:_DOCUMENTS_LOOKED_AT]
    ids = [packed.tokens[begin : begin + length - 1].tolist() for begin, length, _ in documents]
    decoded = sum(len(tokenizer.decode(tokens, clean_up_tokenization_spaces=False).encode("utf-8")) for tokens in ids)
    stored = int(documents[:, 2].sum())
    if abs(decoded - stored) <= _BYTES_OFF * stored:
        return None
    return f"its first {len(documents)} documents have {stored:,} bytes, read with the model's tokeniser {decoded:,}"
