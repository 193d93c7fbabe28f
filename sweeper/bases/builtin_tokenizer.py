"""The tokeniser of all built-in models: a byte-level BPE trained on the training documents of `builtin:docs`."""

import importlib.metadata
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

from sweeper.bases.ladder import END_OF_TEXT, VOCABULARY
from sweeper.corpora import builtin_docs
from sweeper.corpora.hashes import digest_of
from sweeper.corpora.prepare import OnProgress
from sweeper.corpora.source import CorpusSource
from sweeper.corpora.split import split_of, text_digest
from sweeper.corpora.tokenizer import TokenizerRef

RECIPE_VERSION = 1
INDENTATION = ["\n" + "    " * depth + "x" for depth in range(1, 9)] * 2000
"""Trained on beside the prose, which has none: else half of the tokens of any code would be single spaces."""


def builtin_tokenizer(cache: Path) -> TokenizerRef:
    """Where the tokeniser is or will be. Its fingerprint is that of its recipe: known before it is trained."""
    recipe = [
        *("byte-level BPE", RECIPE_VERSION, VOCABULARY, importlib.metadata.version("tokenizers")),
        builtin_docs.identity(builtin_docs.DEFAULT_BYTES),
    ]
    fingerprint = digest_of(recipe)
    return TokenizerRef(str(cache / "tokenizers" / fingerprint), fingerprint)


def ensure_builtin_tokenizer(cache: Path, on_progress: OnProgress | None = None) -> TokenizerRef:
    """The tokeniser, trained now where the cache has none; takes some ten seconds once."""
    from filelock import FileLock

    ref = builtin_tokenizer(cache)
    folder = Path(ref.path)
    if not folder.is_dir():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{folder}.lock"):
            if not folder.is_dir():
                train_tokenizer(_training_texts(on_progress), folder)
    return ref


def _training_texts(on_progress: OnProgress | None) -> Iterator[str]:
    """Held-out documents take no part: the vocabulary would have seen them."""
    share = CorpusSource("builtin:docs").valid_fraction
    for document in builtin_docs.documents(builtin_docs.DEFAULT_BYTES):
        if on_progress:
            on_progress(min(document.position, builtin_docs.DEFAULT_BYTES), builtin_docs.DEFAULT_BYTES, "tokenizer")
        if split_of(text_digest(document.text), share, share) == "train":
            yield document.text
    yield from INDENTATION


def train_tokenizer(texts: Iterator[str], folder: Path) -> None:
    """Train on `texts` and write a folder that `transformers.AutoTokenizer` loads, whole or not at all."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=[END_OF_TEXT],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    temporary = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    tokenizer.save(str(temporary / "tokenizer.json"))
    (temporary / "tokenizer_config.json").write_text(json.dumps(_settings(), indent=1), encoding="utf-8")
    temporary.replace(folder)


def _settings() -> dict[str, object]:
    return {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": END_OF_TEXT,
        "eos_token": END_OF_TEXT,
        "model_max_length": 2048,
        "clean_up_tokenization_spaces": False,
    }
