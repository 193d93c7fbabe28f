"""A tokeniser small enough for tests: one token a byte, and one that ends a text."""

import json
from pathlib import Path

from sweeper.corpora.hashes import FileHashes
from sweeper.corpora.tokenizer import TokenizerRef, fingerprint_tokenizer

END = "<end>"


def save_byte_tokenizer(folder: Path, **settings: object) -> None:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers

    vocabulary = {END: 0} | {c: i + 1 for i, c in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    tokenizer.add_special_tokens([END])
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.decoder = decoders.ByteLevel()
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    config = {"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": END, **settings}
    (folder / "tokenizer_config.json").write_text(json.dumps(config))


def byte_tokenizer(folder: Path) -> TokenizerRef:
    save_byte_tokenizer(folder)
    fingerprint = fingerprint_tokenizer(folder, FileHashes(folder))
    assert fingerprint
    return TokenizerRef(str(folder), fingerprint)


def decode(ref: TokenizerRef, tokens: list[int]) -> str:
    from tokenizers import Tokenizer

    return str(Tokenizer.from_file(f"{ref.path}/tokenizer.json").decode(tokens, skip_special_tokens=False))
