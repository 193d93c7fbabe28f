"""The files of a base model that go with whatever is trained from it, as they are."""

import shutil
from pathlib import Path

TOKENISER = (
    "tokenizer*", "special_tokens_map.json", "added_tokens.json", "vocab.*", "merges.txt", "spiece.model",
    "sentencepiece*", "*.tiktoken", "*.jinja", "additional_chat_templates",
)  # fmt: skip
GENERATION = ("generation_config.json",)
"""Copied, not read and written: the library refuses to save many that it loads."""
LICENCE = ("LICENSE*", "LICENCE*", "NOTICE*", "USE_POLICY*")


def copy_companions(source: Path, target: Path) -> None:
    """Copy tokeniser with chat templates, generation settings and licence texts from one model folder to another."""
    for pattern in (*TOKENISER, *GENERATION, *LICENCE):
        for found in source.glob(pattern):
            if found.is_dir():
                shutil.copytree(found, target / found.name)
            else:
                shutil.copyfile(found, target / found.name)
