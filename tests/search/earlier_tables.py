"""Output folders of earlier runs with made-up losses: the best rate moves with size, tokens and method."""

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from sweeper.measurements import build_table, write_measurements
from sweeper.trials.record import TrialRecord
from tests.trial_records import corpus_loss, finished, record
from trainers.messages import Measurement
from trainers.spec import CorpusRef, Lora, Method, ModelRef, TrialSpec

BEST = {"full": 1e-3, "lora": 6e-3}
"""At 4 M parameters and 200 k tokens."""
SLOPE = {"full": -0.6, "lora": -0.2}


def best_rate(method: str, params: float, tokens: float = 2e5) -> float:
    return BEST[method] * (params / 4e6) ** SLOPE[method] * (tokens / 2e5) ** -0.2


def loss(method: str, rate: float, ratio: float, params: float, tokens: float) -> float:
    """The target's; steeper above the best rate than below."""
    x = math.log(rate / best_rate(method, params, tokens))
    valley = 0.05 * x * x * (1.6 if x > 0 else 0.8)
    return (4.0 - 0.9 * ratio**0.3 * (tokens / 2e5) ** 0.3 * (params / 4e6) ** 0.05) * math.exp(valley)


def write_run(
    folder: Path,
    sizes: Sequence[float] = (4e6,),
    methods: Sequence[Method] = ("full", "lora"),
    trials: int = 32,
    target: str = "code",
    noise: float = 0.002,
) -> Path:
    """A run's table: searched trials with rates and ratios of their own."""
    rng = np.random.default_rng(5)
    records: list[TrialRecord] = []
    for size in sizes:
        spec = _spec(size, "full", 1.0, 0.5, target).model_copy(update={"role": "base", "max_tokens": 0, "mixture": {}})
        records.append(_recorded(spec, [(0, 4.0, 3.0)], size, target))
    for i in range(trials):
        method, size = methods[i % len(methods)], sizes[(i // len(methods)) % len(sizes)]
        ratio = float(rng.choice([0.25, 0.5, 0.75]))
        rate = best_rate(method, size) * math.exp(rng.uniform(-1.5, 1.5))
        luck = rng.normal(0.0, noise)
        points = [
            (tokens, loss(method, rate, ratio, size, tokens) * math.exp(luck), 3.0 + 0.2 * ratio)
            for tokens in (50_000, 100_000, 200_000)
        ]
        records.append(_recorded(_spec(size, method, rate, ratio, target), points, size, target))
    table = build_table(records, target=target, corpus_roles={"general": "general", target: "domain"})
    write_measurements(folder, table)
    return folder


def _spec(size: float, method: Method, rate: float, ratio: float, target: str) -> TrialSpec:
    return TrialSpec(
        role="search", model=ModelRef(name=f"m{size:g}", path="/m", fingerprint=f"f{size:g}"), method=method,
        lora=None if method == "full" else Lora(r=8, alpha=16.0), learning_rate=rate,
        corpora=tuple(CorpusRef(name=n, path="/c", fingerprint=n) for n in ("general", target)),
        mixture={"general": 1 - ratio, target: ratio}, max_tokens=200_000, max_seq_length=128, global_batch_size=8,
        seed=0, precision="fp32",
    )  # fmt: skip


def _recorded(spec: TrialSpec, points: Sequence[tuple[int, float, float]], size: float, target: str) -> TrialRecord:
    measurements = [
        Measurement(
            tokens=tokens, step=1, lr_area=float(tokens), lr_fraction=1.0, unique_tokens={}, seconds=0.0,
            losses=(
                corpus_loss("general", [(10 * general, 10), (10 * general, 10)]),
                corpus_loss(target, [(10 * own, 10), (10 * own, 10)]),
            ),
        )
        for tokens, own, general in points
    ]  # fmt: skip
    made = record(spec, measurements)
    made.finished = finished(int(size), measurements[-1].tokens)
    return made
