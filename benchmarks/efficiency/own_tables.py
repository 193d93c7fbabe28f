"""Problems made of our own grids: every setting was trained, and its measurements stand in `benchmarks/tables/`."""

import csv
from collections import defaultdict
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.efficiency.problem import Axis, Setting, TableProblem

TABLES = Path(__file__).parents[1] / "tables"
_KINDS = {"method": "category", "lora_r": "log", "learning_rate": "log", "domain_ratio": "linear"}
_Key = tuple[tuple[str, float | str], ...]
_Run = dict[tuple[str, int], float]
"""Loss by (corpus, tokens)."""


def adapters() -> TableProblem:
    """Full weights or an adapter of rank 4, 16 or 64, each at five learning rates; half law text, half general text.

    Measured: 0.41M parameters, a cosine over 102 k tokens, five measurements a run. The general loss may rise 3 %.
    No run was repeated: the noise is that of `joint_grid`.
    """
    return from_table(TABLES / "lora_rates.csv", "adapters", domain="law", general="general_mixed", rise=0.03)


def joint_grid() -> TableProblem:
    """Full weights or an adapter of rank 4 or 16, by learning rate, by domain share: SEC filings, general text kept.

    Measured: 0.41M parameters, a constant rate over 98 k tokens, eight measurements a run (`real_grid` made it); two
    runs diverged. The general loss may rise 3 %. Six runs were made again with a second seed: half of the variance of
    the differences at the ends of runs is the noise.
    """
    return from_table(TABLES / "joint_grid.csv", "joint_grid", domain="sec_filings", general="general_mixed", rise=0.03)


def from_table(file: Path, name: str, *, domain: str, general: str, rise: float, noise: float = 0.006) -> TableProblem:
    """A problem over the runs of seed 0 of a table of measurements. A run that diverged stays at its last loss.

    Args:
        file: CSV in the product's columns.
        name: Of the problem.
        domain: The corpus to be learnt.
        general: The corpus whose loss is limited.
        rise: How far above its base loss, as a share.
        noise: Nats, where the table holds no second seeds.
    """
    runs, base = _read(file)
    firsts = {key: runs[0][key] for key in sorted(runs[0], key=str)}
    settings: list[Setting] = [dict(key) for key in firsts]
    tokens = tuple(sorted({at for run in firsts.values() for _, at in run}))
    corpora = (domain, general)
    return TableProblem(
        name=name,
        axes=_axes(settings),
        settings=tuple(settings),
        checkpoints=tokens,
        corpora=corpora,
        target=domain,
        losses=np.array([[[_last(run, c, at) for c in corpora] for at in tokens] for run in firsts.values()]),
        noise=_seed_noise(runs, tokens[-1]) if len(runs) > 1 else noise,
        limited=general,
        limit=base[general] * (1 + rise),
        base_losses={corpus: base[corpus] for corpus in corpora},
    )


def _read(file: Path) -> tuple[dict[int, dict[_Key, _Run]], dict[str, float]]:
    """Runs by seed and setting, and the base losses; the base model's own rows are left out."""
    runs: dict[int, dict[_Key, _Run]] = defaultdict(lambda: defaultdict(dict))
    base: dict[str, float] = {}
    with file.open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            if row["role"] == "base":
                continue
            base[row["corpus"]] = float(row["base_loss"])
            key = tuple((n, row[n] if kind == "category" else float(row[n])) for n, kind in _KINDS.items() if row[n])
            runs[int(row["seed"])][key][row["corpus"], int(row["tokens"])] = float(row["loss"])
    return runs, base


def _last(run: _Run, corpus: str, tokens: int) -> float:
    """The loss at a checkpoint; of a run that diverged before it, the last there is."""
    return run[corpus, max(at for name, at in run if name == corpus and at <= tokens)]


def _axes(settings: list[Setting]) -> tuple[Axis, ...]:
    """Those in which the settings differ."""
    axes = []
    for name, kind in _KINDS.items():
        values = sorted({s[name] for s in settings if name in s})  # type: ignore[type-var]
        if len(values) > 1:
            axes.append(Axis(name, tuple(values), kind))  # type: ignore[arg-type]
    return tuple(axes)


def _seed_noise(runs: dict[int, dict[_Key, _Run]], tokens: int) -> float:
    """Standard deviation of a loss at the end of a run, nats, from runs that two seeds have."""
    differences = _differences(runs, tokens)
    return float(np.sqrt(np.mean(differences**2) / 2))


def _differences(runs: dict[int, dict[_Key, _Run]], tokens: int) -> NDArray[np.float64]:
    pairs = [run[where] - runs[0][key][where] for key, run in runs[1].items() for where in run if where[1] == tokens]
    return np.array(pairs)
