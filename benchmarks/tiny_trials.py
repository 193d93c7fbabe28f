"""Tiny real trials: a Llama of 0.1 M parameters, a small packed corpus, and stamps of when each trial said what.

Stamps are taken in the worker, by the same code on both sides of a comparison, and lie in files beside the corpus.
"""

import json
import time
import uuid
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from trainers.messages import Failure, Finished, Message, Verdict
from trainers.spec import CorpusRef, ModelRef, TrialSpec
from trainers.tokens.packed import write_meta, write_split

VOCABULARY = 256
LENGTH = 32
BATCH = 8
STEPS = 8
CONFIG: dict[str, Any] = {
    "vocab_size": VOCABULARY,
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 2,
    "max_position_embeddings": 64,
    "tie_word_embeddings": True,
}


@dataclass(frozen=True)
class Stamps:
    """What one trial did when, as rank 0's worker saw it; Unix time."""

    trial: str
    called: float
    """`run_trial` was called."""
    first: float
    """It reported its first message: model built, one step trained, every corpus evaluated once."""
    returned: float
    """`run_trial` returned."""


def make_inputs(folder: Path) -> None:
    """Write the checkpoint and the corpus that every trial uses."""
    import torch
    import transformers

    torch.manual_seed(0)
    config = transformers.AutoConfig.for_model("llama", **CONFIG)
    transformers.utils.logging.disable_progress_bar()
    transformers.AutoModelForCausalLM.from_config(config).save_pretrained(folder / "model")
    (folder / "stamps").mkdir()
    corpus = folder / "corpus"
    corpus.mkdir()
    rng = np.random.default_rng(0)
    for split, documents in (("train", 400), ("valid", 20), ("test", 20)):
        texts = [np.append(rng.integers(1, VOCABULARY, 63), 0).astype(np.uint16) for _ in range(documents)]
        write_split(corpus, split, [(text, 3 * len(text)) for text in texts], np.uint16)  # type: ignore[arg-type]
    write_meta(corpus, {})


def make_specs(folder: Path, count: int) -> list[TrialSpec]:
    """`count` trials that differ by their seed: a few steps, measured after the first, in the middle and at the end."""
    step = BATCH * LENGTH
    return [
        TrialSpec(
            role="search",
            model=ModelRef(name="tiny", path=str(folder / "model"), fingerprint="tiny"),
            method="full",
            learning_rate=1e-3,
            corpora=(CorpusRef(name="corpus", path=str(folder / "corpus"), fingerprint="corpus"),),
            mixture={"corpus": 1.0},
            max_tokens=STEPS * step,
            max_seq_length=LENGTH,
            global_batch_size=BATCH,
            seed=seed,
            precision="fp32",
            evaluate_at=(step, STEPS * step // 2),
            evaluation_tokens=512,
        )
        for seed in range(count)
    ]


def run_stamped(spec: TrialSpec, report: Any) -> Finished | Failure:
    """`trainers.loop.run_trial`, with a note of the time; both sides run their trials through this."""
    from trainers.loop import run_trial

    called, first = time.time(), None

    def stamped(message: Message) -> Verdict:
        nonlocal first
        first = first or time.time()
        verdict: Verdict = report(message)
        return verdict

    outcome = run_trial(spec, stamped)
    if first is not None:  # only rank 0 reports
        _write(spec, Stamps(spec.id, called, first, time.time()))
    return outcome


def _write(spec: TrialSpec, stamps: Stamps) -> None:
    folder = Path(spec.corpora[0].path).parent / "stamps"
    (folder / f"{uuid.uuid4().hex}.json").write_text(json.dumps(asdict(stamps)), encoding="utf-8")


def take_stamps(folder: Path) -> dict[str, Stamps]:
    """The stamps since the last call, by trial; they are removed.

    Raises:
        RuntimeError: a trial ran twice.
    """
    files = list((folder / "stamps").iterdir())
    stamps = [Stamps(**json.loads(file.read_text(encoding="utf-8"))) for file in files]
    for file in files:
        file.unlink()
    if len({s.trial for s in stamps}) < len(stamps):
        raise RuntimeError("a trial ran twice: the benchmark compares runs without failures only")
    return {s.trial: s for s in stamps}
