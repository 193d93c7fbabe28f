"""Tokenisers that split text into words before they merge bytes, as those of most models do."""

import functools
import json
from pathlib import Path
from typing import Any

from sweeper.corpora.hashes import FileHashes
from sweeper.corpora.tokenizer import TokenizerRef, fingerprint_tokenizer
from tests.corpora.byte_tokenizer import END

TEXTS = (
    "The rate rose to 1,250.75 in 2024, didn't it?  They'd say: \"we're well\".\n\n"
    "def area(self, width=3):\n    return self.width * width\t# the area\r\n",
    "  Über die Größe der Zeichen; naïve cafés, don't they... 1234567890 <tag/> <end>\n",
) * 20


@functools.cache
def word_tokenizer_text(pre_tokenizer: str, normalizer: str | None = None, added: tuple[str, ...] = ()) -> str:
    """A tokenizer.json with merges; `pre_tokenizer` and `normalizer` are JSON."""
    from tokenizers import AddedToken, Tokenizer, models, pre_tokenizers, trainers

    settings = json.loads(Tokenizer(models.BPE()).to_str())
    settings |= {"pre_tokenizer": json.loads(pre_tokenizer), "normalizer": normalizer and json.loads(normalizer)}
    tokenizer = Tokenizer.from_str(json.dumps(settings))
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer.train_from_iterator(
        TEXTS,
        trainers.BpeTrainer(vocab_size=500, special_tokens=[END], initial_alphabet=alphabet, show_progress=False),
    )
    tokenizer.add_tokens([AddedToken(token, normalized=not token.strip()) for token in added])
    return str(tokenizer.to_str())


def save_word_tokenizer(folder: Path, text: str) -> TokenizerRef:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tokenizer.json").write_text(text, encoding="utf-8")
    (folder / "tokenizer_config.json").write_text(json.dumps({"eos_token": END}), encoding="utf-8")
    fingerprint = fingerprint_tokenizer(folder, FileHashes(folder))
    assert fingerprint
    return TokenizerRef(str(folder), fingerprint)


def byte_level(**settings: Any) -> dict[str, Any]:
    return {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True, **settings}


def split_by(pattern: str) -> dict[str, Any]:
    return {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": False}


def sequence(*steps: dict[str, Any]) -> dict[str, Any]:
    return {"type": "Sequence", "pretokenizers": list(steps)}


GPT2 = json.dumps(byte_level())
