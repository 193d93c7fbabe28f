"""A tiny corpus, a tiny model and a driver that keeps what it hears."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from trainers.loop import run_trial
from trainers.messages import CONTINUE, Failure, Finished, Measurement, Message, Verdict
from trainers.spec import TrialSpec
from trainers.tokens.packed import write_meta, write_split

Curve = list[Any]

VOCABULARY = 96
LENGTH = 16
CONFIG: dict[str, Any] = {
    "model_type": "llama",
    "vocab_size": VOCABULARY,
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 2,
    "max_position_embeddings": 64,
    "tie_word_embeddings": True,
}


def write_corpus(folder: Path, seed: int, sizes: dict[str, int]) -> Path:
    """A corpus whose next token is mostly a fixed function of the last one, in documents of 5 to 40 tokens."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(seed)
    follow = rng.permutation(VOCABULARY - 1) + 1
    for split, n_tokens in sizes.items():
        documents, left = [], n_tokens
        while left > 0:
            length = min(left, int(rng.integers(5, 41)))
            tokens = np.zeros(length, dtype=np.uint16)  # ends with token 0, the end of text
            tokens[0] = rng.integers(1, VOCABULARY)
            for i in range(1, length - 1):
                tokens[i] = follow[tokens[i - 1] - 1] if rng.random() < 0.7 else rng.integers(1, VOCABULARY)
            documents.append((tokens, 3 * length))
            left -= length
        write_split(folder, split, documents, np.uint16)  # type: ignore[arg-type]
    write_meta(folder, {})
    return folder


class Driver:
    """Keeps every message and answers as told: `verdicts` by the tokens of a measurement."""

    def __init__(self, verdicts: dict[int, str] | None = None) -> None:
        self.messages: list[Message] = []
        self._verdicts = verdicts or {}

    def __call__(self, message: Message) -> Verdict:
        """Answer one message."""
        self.messages.append(message)
        if isinstance(message, Measurement) and message.tokens in self._verdicts:
            return Verdict.model_validate({"action": self._verdicts[message.tokens]})
        return CONTINUE

    @property
    def measurements(self) -> list[Measurement]:
        """In the order they came."""
        return [m for m in self.messages if isinstance(m, Measurement)]

    def curve(self) -> list[tuple[int, list[float]]]:
        """(tokens, every corpus' loss) of each measurement."""
        return [(m.tokens, [x.loss for x in m.losses]) for m in self.measurements]


def run(spec: TrialSpec, verdicts: dict[int, str] | None = None) -> tuple[Finished | Failure, Driver]:
    """Run a trial in this process."""
    driver = Driver(verdicts)
    return run_trial(spec, driver), driver


def assert_same_curve(ours: Curve, theirs: Curve, rel: float = 1e-5) -> None:
    """The same tokens, and losses within `rel` (relative) of each other."""
    assert theirs
    assert [tokens for tokens, _ in ours] == [tokens for tokens, _ in theirs]
    for (_, our_losses), (_, their_losses) in zip(ours, theirs, strict=True):
        assert our_losses == pytest.approx(their_losses, rel=rel)
