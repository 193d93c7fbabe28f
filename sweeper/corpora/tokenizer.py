"""A tokeniser by its folder and content, and how text becomes tokens with it."""

import json
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sweeper.corpora.errors import CorpusError
from sweeper.corpora.hashes import FileHashes, digest_of
from sweeper.corpora.pieces import may_cut, parted_tokens, read_settings
from sweeper.corpora.piecewise import Encode, PieceByPiece

FILES = (
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "tokenizer.model",
    "vocab.json",
    "merges.txt",
    "vocab.txt",
)
"""Everything that a tokeniser's folder may hold of it."""
TEXTS_AT_ONCE = 256


@dataclass(frozen=True)
class TokenizerRef:
    """A tokeniser: where it is and what it is."""

    path: str
    """Folder with its files."""
    fingerprint: str


@dataclass(frozen=True)
class Encoder:
    """A loaded tokeniser."""

    encode: Encode
    """Tokens of each text, without special tokens around them."""
    vocabulary: int
    """Highest token + 1."""
    end: int
    """The token that closes a document."""
    end_text: str
    parted: tuple[str, ...] | None = None
    """Added tokens in whose texts no cut may be made, where texts may be tokenised piece by piece; else None."""

    @property
    def dtype(self) -> type:
        """The narrowest unsigned type that holds every token."""
        return np.uint16 if self.vocabulary <= 1 << 16 else np.uint32

    def documents(self) -> "DocumentEncoder":
        """What turns documents into stored tokens; it remembers pieces of text, so it is kept from batch to batch."""
        return DocumentEncoder(self)


class DocumentEncoder:
    """Turns documents into what is stored of them."""

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        self._typecode = "H" if encoder.dtype is np.uint16 else "I"
        self._end = array(self._typecode, [encoder.end]).tobytes()
        parted = encoder.parted
        self._stored = self._whole if parted is None else PieceByPiece(encoder.encode, self._typecode, parted).stored

    def stored(self, texts: Sequence[str]) -> list[bytes]:
        """Each text's tokens closed by the end-of-text token, as bytes of the stored type."""
        return [tokens + self._end for tokens in self._stored(texts)]

    def arrays(self, texts: Sequence[str]) -> list[NDArray[np.unsignedinteger]]:
        """The same as arrays."""
        return [np.frombuffer(tokens, dtype=self._encoder.dtype) for tokens in self.stored(texts)]

    def _whole(self, texts: Sequence[str]) -> list[bytes]:
        return [array(self._typecode, tokens).tobytes() for tokens in self._encoder.encode(texts)]


def fingerprint_tokenizer(folder: Path, hashes: FileHashes) -> str | None:
    """Hash of a tokeniser's files, None where the folder has none that holds a vocabulary."""
    found = {name: hashes.of(folder / name) for name in FILES if (folder / name).is_file()}
    if not {"tokenizer.json", "tokenizer.model", "vocab.json", "vocab.txt"} & found.keys():
        return None
    return digest_of(["tokenizer", found])


def load_encoder(ref: TokenizerRef) -> Encoder:
    """Load a tokeniser.

    Where the folder has tokenizer.json `tokenizers` alone reads it: `transformers` takes seconds to import.

    Raises:
        CorpusError: the folder holds no tokeniser, or none of its files says which token ends a text.
    """
    folder = Path(ref.path)
    if (folder / "tokenizer.json").is_file():
        return _load_fast(folder)
    if not folder.is_dir():
        raise CorpusError(f"tokenizer: there is no folder {folder}; prepare the base model first")
    return _load_with_transformers(folder)


def _load_fast(folder: Path) -> Encoder:
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    # Either may be stored in the file, and would cut or fill documents without a word.
    tokenizer.no_truncation()
    tokenizer.no_padding()
    vocabulary = tokenizer.get_vocab(with_added_tokens=True)
    end, end_text = _end_of_text(folder, vocabulary)

    def encode(texts: Sequence[str]) -> list[list[int]]:
        # What the library returns of a text is a hundred times as large as its tokens.
        parts = (list(texts[i : i + TEXTS_AT_ONCE]) for i in range(0, len(texts), TEXTS_AT_ONCE))
        return [found.ids for part in parts for found in tokenizer.encode_batch_fast(part, add_special_tokens=False)]

    settings = read_settings(tokenizer.to_str())
    parted = tuple(parted_tokens(settings)) if may_cut(settings) else None
    return Encoder(encode, max(vocabulary.values()) + 1, end, end_text, parted)


def _end_of_text(folder: Path, vocabulary: dict[str, int]) -> tuple[int, str]:
    """The token that the tokeniser's settings call `eos_token`, else the one that the model's configuration numbers."""
    for name in ("tokenizer_config.json", "special_tokens_map.json"):
        token = _json(folder / name).get("eos_token")
        text = token.get("content") if isinstance(token, dict) else token
        if text in vocabulary:
            return vocabulary[text], text
    for name in ("generation_config.json", "config.json"):
        number = _json(folder / name).get("eos_token_id")
        number = number[0] if isinstance(number, list) and number else number
        texts = [text for text, token in vocabulary.items() if token == number]
        if texts:
            return vocabulary[texts[0]], texts[0]
    raise _no_end(folder)


def _json(path: Path) -> dict[str, Any]:
    return dict(json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else {}


def _no_end(folder: Path) -> CorpusError:
    return CorpusError(
        f"tokenizer: {folder} names no end-of-text token, which has to stand between documents; "
        'set "eos_token" in its tokenizer_config.json to a token of its vocabulary'
    )


def _load_with_transformers(folder: Path) -> Encoder:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(str(folder))
    if tokenizer.eos_token_id is None:
        raise _no_end(folder)

    def encode(texts: Sequence[str]) -> list[list[int]]:
        found = tokenizer(list(texts), add_special_tokens=False, return_attention_mask=False, verbose=False)
        return [list(tokens) for tokens in found["input_ids"]]

    vocabulary = max(tokenizer.get_vocab().values()) + 1
    return Encoder(encode, vocabulary, int(tokenizer.eos_token_id), str(tokenizer.eos_token))
