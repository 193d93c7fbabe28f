"""Our evaluator against `transformers.Trainer.evaluate`: the loss of held-out text, and how long it takes.

    python -m benchmarks.evaluation [--repeats 3] [--threads 0]

What is measured and how to read it: `benchmarks/README.md`.
"""

import argparse
import json
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # for those who start this file without `-m`

import torch

from benchmarks.isolated import measured_alone
from benchmarks.trainer_throughput import CPU_SMALL, CPU_WIDE
from benchmarks.training_sides import HELD_OUT, TrainingCase, make_inputs, make_spec, warm_imports
from trainers.evaluation.evaluate import Evaluator
from trainers.model.models import build
from trainers.tokens.batches import open_corpora
from trainers.tokens.packed import PackedCorpus
from trainers.workers.ranks import Ranks

BATCH = 6
"""Does not divide the blocks, so that the last batch is smaller."""
ROUNDS = 3
"""Evaluations of one model; the first warms up and is not timed."""
CASES = (
    TrainingCase("fp32", CPU_SMALL, "full", "fp32", length=256, batch=BATCH, micro=BATCH, steps=1),
    TrainingCase("bf16", CPU_SMALL, "full", "bf16", length=256, batch=BATCH, micro=BATCH, steps=1),
    TrainingCase("fp32, vocabulary 49k", CPU_WIDE, "full", "fp32", length=256, batch=BATCH, micro=BATCH, steps=1),
)


@dataclass(frozen=True)
class Measured:
    """One side."""

    loss: float
    tokens_per_second: float


@dataclass(frozen=True)
class Comparison:
    """One case on both sides."""

    case: str
    ratio: float
    """Tokens a second, ours / theirs: the median over repeats."""
    ratio_range: tuple[float, float]
    loss: dict[str, float]
    """On whole blocks, where both are right."""
    padded_loss: dict[str, float]
    """On documents of different lengths: `trainer` pads them; `true` is sum of nats / sum of tokens."""


def ours(case: TrainingCase, folder: Path) -> Measured:
    """`Evaluator.measure`, as the loop calls it."""
    spec = make_spec(case, folder)
    ranks = Ranks.current()
    model = build(spec, ranks.device)
    evaluator = Evaluator(open_corpora(spec), case.length, HELD_OUT * case.length, case.micro, ranks)
    loss, seconds = _timed(lambda: evaluator.measure(model, ("valid",))[0].loss)
    return Measured(loss, HELD_OUT * case.length / seconds)


def trainer(case: TrainingCase, folder: Path) -> Measured:
    """`Trainer.evaluate` on the same blocks, with labels shifted already."""
    split = PackedCorpus(folder / "corpus")["valid"]
    windows = [torch.from_numpy(split.window(i, case.length)) for i in range(HELD_OUT)]
    rows = [{"input_ids": w[:-1], "labels": w[1:], "shift_labels": w[1:]} for w in windows]
    theirs = _trainer(case, folder, rows)
    loss, seconds = _timed(lambda: float(theirs.evaluate()["eval_loss"]))
    return Measured(loss, HELD_OUT * case.length / seconds)


def padded(case: TrainingCase, folder: Path) -> dict[str, float]:
    """Documents of 16 to `length` tokens: their mean of batch means against the loss of each document by itself."""
    split = PackedCorpus(folder / "corpus")["valid"]
    lengths = [16 + (case.length - 16) * i // (HELD_OUT - 1) for i in range(HELD_OUT)]
    rows = []
    for i, size in enumerate(lengths):
        window = torch.from_numpy(split.window(i, case.length))
        labels = torch.where(torch.arange(case.length) < size, window[1:], -100)
        rows.append({"input_ids": window[:-1], "labels": labels, "shift_labels": labels})
    theirs = _trainer(case, folder, rows)
    model, total = theirs.model.eval(), 0.0
    with torch.no_grad():
        for row, size in zip(rows, lengths, strict=True):
            logits = model(input_ids=row["input_ids"][None, :size]).logits.float()
            total += float(torch.nn.functional.cross_entropy(logits[0], row["labels"][:size], reduction="sum"))
    return {"trainer": float(theirs.evaluate()["eval_loss"]), "true": total / sum(lengths)}


SIDES: dict[str, Callable[[TrainingCase, Path], Measured]] = {"ours": ours, "trainer": trainer}


def _trainer(case: TrainingCase, folder: Path, rows: list[dict[str, torch.Tensor]]) -> Any:
    import transformers

    arguments = transformers.TrainingArguments(
        output_dir=str(folder / "trainer"),
        per_device_eval_batch_size=case.micro,
        bf16_full_eval=False,
        bf16=case.precision == "bf16",
        use_cpu=not torch.cuda.is_available(),
        report_to="none",
        remove_unused_columns=False,
        prediction_loss_only=True,
        disable_tqdm=True,
    )
    model = transformers.AutoModelForCausalLM.from_pretrained(folder / "model", dtype=torch.float32)
    trainer = transformers.Trainer(model=model, args=arguments, eval_dataset=rows)
    trainer.remove_callback(transformers.PrinterCallback)
    return trainer


def _timed(evaluate: Callable[[], float]) -> tuple[float, float]:
    """The loss and the median seconds of an evaluation."""
    seconds, loss = [], 0.0
    for _ in range(1 + ROUNDS):
        began = time.perf_counter()
        loss = evaluate()
        seconds.append(time.perf_counter() - began)
    return loss, statistics.median(seconds[1:])


def compare(case: TrainingCase, folder: Path, repeats: int) -> Comparison:
    """Run both sides in turn, each in a fresh child process, the order alternating."""
    outcomes: dict[str, list[Measured]] = {side: [] for side in SIDES}
    for repeat in range(repeats):
        for side in sorted(SIDES, reverse=bool(repeat % 2)):
            outcomes[side].append(measured_alone(SIDES[side], case, folder))
    pairs = zip(outcomes["ours"], outcomes["trainer"], strict=True)
    ratios = [mine.tokens_per_second / theirs.tokens_per_second for mine, theirs in pairs]
    return Comparison(
        case.name,
        statistics.median(ratios),
        (min(ratios), max(ratios)),
        {side: outcomes[side][0].loss for side in SIDES},
        measured_alone(padded, case, folder),
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Compare every case and print the worst as the last line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.evaluation", description=__doc__.split("\n")[0])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=0, help="CPU threads of both sides; 0: torch's choice")
    options = parser.parse_args(arguments)
    warm_imports(options.threads, "cpu")
    done = []
    with tempfile.TemporaryDirectory() as name:
        for number, case in enumerate(CASES):
            make_inputs(case, Path(name) / str(number))
            done.append(compare(case, Path(name) / str(number), options.repeats))
            print(line(done[-1]), flush=True)
    print(json.dumps(summary(done)))
    return 0


def line(done: Comparison) -> str:
    """One case in words."""
    low, high = done.ratio_range
    return (
        f"{done.case}: tokens/s {done.ratio:.2f} ({low:.2f} to {high:.2f}); loss {done.loss['ours']:.6f} against "
        f"{done.loss['trainer']:.6f}; padded documents: theirs {done.padded_loss['trainer']:.6f}, true "
        f"{done.padded_loss['true']:.6f}"
    )


def summary(done: list[Comparison]) -> dict[str, object]:
    """The JSON line: the worst case."""
    return {
        "benchmark": "evaluation",
        "ratio": min(c.ratio for c in done),
        "loss_difference": max(abs(c.loss["ours"] - c.loss["trainer"]) for c in done),
        "padded_loss_difference": max(abs(c.padded_loss["trainer"] - c.padded_loss["true"]) for c in done),
        "machine": platform.machine(),
        "cases": [asdict(c) for c in done],
    }


if __name__ == "__main__":
    sys.exit(main())
