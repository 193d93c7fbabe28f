"""Problems made of released tables of losses: the losses are those that were measured."""

import csv
import json
from collections import defaultdict
from pathlib import Path

import numpy as np

from benchmarks.efficiency.problem import Axis, TableProblem

RECTIFIED = ("flan", "wmt19", "gigaword")
_NOISE = 0.005


def gemstones(tables: Path) -> TableProblem:
    """Which width and depth to train on a given compute (Gemstones, arXiv:2502.06857; constant learning rate).

    Measured: 19 shapes from 0.09B to 2B parameters, each loss interpolated between its run's measurements (every 2 B
    tokens) in the log of tokens. The compute is what the smallest shape spends on 350 B tokens; "tokens" are those of
    that shape, so that a run of a larger shape trains on fewer of its own. A run's loss has noise of about 0.03 from
    one measurement to the next (it is a training loss), which a running mean over 10 B tokens takes out; the
    problem adds its own.
    """
    runs: dict[tuple[int, int], list[tuple[float, float, float]]] = defaultdict(list)
    with (tables / "gemstones" / "wandb_df_for_fitting_hot_100b+_477.jsonl").open(encoding="utf-8") as lines:
        for row in map(json.loads, lines):
            runs[row["width"], row["depth"]].append((row["params_active_precise"], row["tokens"], row["final_loss"]))
    kept = {shape: np.array(sorted(run)) for shape, run in sorted(runs.items()) if run[0][0] > 9e7}
    smallest, tokens = min(run[0, 0] for run in kept.values()), 350e9
    shares = np.array([1 / 8, 1 / 4, 3 / 8, 1 / 2, 3 / 4, 1.0])
    losses = []
    for run in kept.values():
        own = shares * tokens * smallest / run[0, 0]
        losses.append(np.interp(np.log(own), np.log(run[:, 1]), _running_mean(run[:, 2])))
    shapes = list(kept)
    return TableProblem(
        name="gemstones_shape",
        axes=(
            Axis("width", tuple(sorted({float(w) for w, _ in shapes})), "log"),
            Axis("depth", tuple(sorted({float(d) for _, d in shapes})), "log"),
        ),
        settings=tuple({"width": float(w), "depth": float(d)} for w, d in shapes),
        checkpoints=tuple(round(share * tokens) for share in shares),
        corpora=("train",),
        target="train",
        losses=np.array(losses)[:, :, None],
        noise=_NOISE,
        unit="tokens of the smallest shape, by compute",
    )


def _running_mean(losses: np.ndarray, reach: int = 2) -> np.ndarray:
    """Over up to `reach` neighbours on each side, fewer at the ends so that the middle stays the point itself."""
    return np.array(
        [losses[i - k : i + k + 1].mean() for i in range(len(losses)) for k in [min(reach, i, len(losses) - 1 - i)]]
    )


def rectified(tables: Path, task: str) -> TableProblem:
    """Which of 30 models to fine-tune, from fine-tuning on part of the data (Lin et al. 2024, arXiv:2402.02314).

    Measured: test losses after 6,400 to 1,638,400 examples, doubling. Each was a fine-tuning of its own; here the
    shorter one counts as the beginning of the longer.
    """
    with (tables / "rectified_finetuning" / f"{task}.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    counts = [6400 * 2**k for k in range(9)]
    models = tuple(row["config name"] for row in rows)
    return TableProblem(
        name=f"choose_model_{task}",
        axes=(Axis("model", models, "category"),),
        settings=tuple({"model": model} for model in models),
        checkpoints=tuple(counts),
        corpora=(task,),
        target=task,
        losses=np.array([[[float(row[str(n)])] for n in counts] for row in rows]),
        noise=_NOISE,
        unit="examples",
    )


def regmix(tables: Path) -> TableProblem:
    """A mixture of 17 domains of the Pile for the lowest loss on Pile-CC (RegMix, arXiv:2407.01492).

    Measured: the 512 mixtures of its 1M-parameter models after 1 B tokens. No losses along the runs are released, so
    a run can only be measured whole.
    """
    folder = tables / "regmix"
    names, shares = _numbers(folder / "train_mixture_1m.csv")
    heads, losses = _numbers(folder / "train_pile_loss_1m.csv")
    at = heads.index("metric/the_pile_pile_cc_val_loss")
    domains = [name.removeprefix("train_the_pile_") for name in names]
    axes = (Axis(d, tuple(np.unique(shares[:, i]).tolist()), "linear") for i, d in enumerate(domains))
    return TableProblem(
        name="regmix_pile_cc",
        axes=tuple(axes),
        settings=tuple(dict(zip(domains, row, strict=True)) for row in shares.tolist()),
        checkpoints=(10**9,),
        corpora=("pile_cc",),
        target="pile_cc",
        losses=losses[:, None, [at]],
        noise=0.01,
        simplex=True,
    )


def _numbers(file: Path) -> tuple[list[str], np.ndarray]:
    """Column names and values of a CSV file, without its `index`; rows by index."""
    with file.open(encoding="utf-8", newline="") as lines:
        rows = sorted(csv.DictReader(lines), key=lambda row: int(row["index"]))
    names = [name for name in rows[0] if name != "index"]
    return names, np.array([[float(row[name]) for name in names] for row in rows])
