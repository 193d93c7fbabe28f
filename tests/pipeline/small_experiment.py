"""An experiment small enough for a test: two made-up languages and bases of 0.5 and 1.3 million parameters."""

import json
import random
from pathlib import Path
from typing import Any

import yaml

from sweeper.bases.builtin_tokenizer import builtin_tokenizer, train_tokenizer

SYLLABLES = ("ka", "to", "mi", "re", "su", "po", "lin", "dra", "vek", "zo", "un", "fer", "ta", "gi")


def documents(seed: int, count: int) -> list[str]:
    """Texts in which each word is followed by one of three: a language per seed, to be learnt in a few steps."""
    rng = random.Random(seed)
    words = ["".join(rng.choices(SYLLABLES, k=rng.randint(1, 3))) for _ in range(150)]
    after = {word: rng.choices(words, k=3) for word in words}
    texts = []
    for _ in range(count):
        text = [rng.choice(words)]
        for _ in range(rng.randint(40, 120)):
            text.append(rng.choice(after[text[-1]]))
        texts.append(" ".join(text))
    return texts


def write_corpora(folder: Path) -> None:
    """`general.jsonl` and `domain.jsonl`."""
    for seed, name in enumerate(("general", "domain")):
        lines = [json.dumps({"text": text}) for text in documents(seed, 300)]
        (folder / f"{name}.jsonl").write_text("\n".join(lines), encoding="utf-8")


def seed_tokenizer(cache: Path) -> None:
    """Put a tokeniser of the made-up languages where the built-in one would be: that takes ten seconds to train."""
    texts = [text for seed in (0, 1) for text in documents(seed, 50)]
    train_tokenizer(iter(texts), Path(builtin_tokenizer(cache).path))


def small_experiment(**changes: Any) -> dict[str, Any]:
    """The file's content; keyword arguments replace whole sections."""
    return {
        "name": "small",
        "corpora": {
            "general": {"source": "general.jsonl", "valid_fraction": 0.05},
            "domain": {"source": "domain.jsonl", "valid_fraction": 0.05},
        },
        "target": "domain",
        "base_models": ["builtin:tiny-s", "builtin:tiny-m"],
        "pretraining": {"corpora": "general", "tokens": "16k"},
        "trainer": {"max_seq_length": 32, "per_device_train_batch_size": 4},
        "search": {
            "space": {
                "method": {"choices": ["full"]},
                "learning_rate": {"low": 1e-4, "high": 1e-2, "log": True},
                "domain_ratio": {"low": 0.1, "high": 0.9},
            },
            "trials": 3,
            "max_tokens": "2k",
            "startup_trials": 1,
        },
        "law": {"domain_ratio": [0.0, 0.5, 1.0], "max_tokens": "4k", "replicates": 1},
        "constraint": {"corpus": "general", "max_increase": 0.05},
        "confirm": {"tokens": "6k"},
        "evaluation": {"max_tokens": "1k"},
        "resources": {"lanes": 1, "use_gpu": False},
        **changes,
    }


def write_experiment_file(folder: Path, **changes: Any) -> Path:
    """`experiment.yaml`."""
    path = folder / "experiment.yaml"
    path.write_text(yaml.safe_dump(small_experiment(**changes), sort_keys=False), encoding="utf-8")
    return path
