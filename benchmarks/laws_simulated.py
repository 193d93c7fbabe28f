"""Known truths: what the laws recover of them, how often intervals hold them, which law `auto` takes.

    python -m benchmarks.laws_simulated [--tables-of-losses 24]

Tables have the published grid of the D-CPT law (540 points) and a noise of 0.002 nats. Coverage is counted over tables,
parameters and points; the parameters of one table err together, so that 24 tables know it to about 0.03.
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # for those who start this file without `-m`

from benchmarks.laws_rows import Row, text_of
from benchmarks.laws_tables import DCPT, LONGEST, NOISE, RATIOS, dcpt_truth, simulated, two_timescales
from sweeper.laws import LawSet, Table, fit
from sweeper.laws.arrays import Bools, Floats
from sweeper.laws.engine.descent import fit_groups
from sweeper.laws.engine.objective import Problem
from sweeper.laws.engine.posterior import posterior
from sweeper.laws.engine.sandwich import sandwich
from sweeper.laws.forms.dcpt import DCpt
from sweeper.laws.forms.law import frame_of
from sweeper.laws.tables.points import points_of

TABLES = 24
LEVEL = 0.9
COVERS = 0.05 + 1e-9  # bounds included
"""Coverage may differ from the level by so much."""
_T_26 = 1.706
"""Student's t at 0.95 with 26 degrees of freedom: 27 runs."""
_ASKED = [(n, d, r) for n in (1e9, 3e9) for d in (5e9, 20e9, 40e9) for r in (0.05, 0.15, 0.4, 0.6, 0.95)]
"""(params, tokens, ratio), none of them measured; the longest is 1.5 times the measured tokens."""


@dataclass(frozen=True)
class Trial:
    """What one table says of the truth; `held` are whether intervals hold it, by kind."""

    values: dict[str, float]
    """Fitted parameters."""
    errors: Floats
    """Predicted less true loss at the points asked, nats."""
    held: dict[str, Bools]


def rows(tables: Path | None = None, count: int = TABLES) -> list[Row]:
    """Every part of this module; `tables` is not needed."""
    trials = [trial(seed) for seed in range(count)]
    return [*recovered(trials), *covered(trials), *chosen()]


def trial(seed: int) -> Trial:
    """Fits the D-CPT law to one simulated table by the public way, and by the engine's two other ways to intervals."""
    table = simulated(dcpt_truth, seed, corpora=("domain",))
    laws = fit(table, law="dcpt", seed=seed)
    parameters = laws.corpora["domain"].parameters
    params, tokens, ratio = (np.array(column) for column in zip(*_ASKED, strict=True))
    truth = dcpt_truth("domain", params, tokens, ratio)
    mean, run = (
        laws.predict("domain", params=params, tokens=tokens, domain_ratio=ratio, noise=noise) for noise in (False, True)
    )
    new = truth + np.random.default_rng([seed, 1]).normal(0.0, NOISE, (200, len(truth)))
    held = {
        "parameters, as a fit gives them": np.array([p.low <= DCPT[k] <= p.high for k, p in parameters.items()]),
        "predictions": (mean.low <= truth) & (truth <= mean.high),
        "predictions of a single run": (run.low <= new) & (new <= run.high),
    }
    values = {name: parameter.value for name, parameter in parameters.items()}
    return Trial(values, np.asarray(mean.loss - truth), held | _by_engine(table, seed))


def recovered(trials: list[Trial]) -> list[Row]:
    """Mean of each parameter over the tables, its bias in standard deviations of a fit; errors of predictions."""
    found = []
    for name, truth in DCPT.items():
        values = np.array([each.values[name] for each in trials])
        bias = float((values.mean() - truth) / values.std(ddof=1))
        found.append(Row(f"simulated: {name}", truth, float(values.mean()), bias, 0.75, "sd"))
    off = float(np.sqrt(np.mean(np.square([each.errors for each in trials]))))
    return [*found, Row("simulated: rms error of predictions, nats", None, off, off, NOISE, goal="below the noise")]


def covered(trials: list[Trial]) -> list[Row]:
    """How often 90 % intervals hold the truth."""
    found = []
    for kind in trials[0].held:
        share = float(np.mean([each.held[kind].mean() for each in trials]))
        found.append(Row(f"coverage: {kind}", None, share, share - LEVEL, COVERS, goal="0.85 to 0.95"))
    return found


def chosen(seed: int = 0) -> list[Row]:
    """Losses that rise and then fall: what `auto` takes, and what it errs on a ratio and on tokens it has not seen."""
    table = simulated(two_timescales, seed, sizes=(1.8e9,), ratios=RATIOS, checkpoints=10, base=True)
    seen = table.rows(~np.isclose(table.domain_ratio, 0.5) & (table.tokens <= LONGEST / 2) | (table.tokens == 0))
    auto, reference = fit(seen), fit(seen, law="dcpt")
    found = []
    for corpus in ("general", "domain"):
        choice = auto.corpora[corpus].choice
        weight = choice.weights.get("anchored", 0.0)
        name = f"rise and fall: weight of the anchored law, {corpus}"
        found.append(Row(name, None, weight, 1 - weight, 0.5, goal=choice.why))
        for what, ratio, times in (("a ratio left out", 0.5, 1.0), ("twice the tokens", None, 2.0)):
            ours, theirs = (_median_error(laws, corpus, ratio, times) for laws in (auto, reference))
            said = f"below 1; {ours:.4f} / {theirs:.4f} nats"
            name = f"rise and fall: {what}, {corpus}: error over D-CPT's"
            found.append(Row(name, None, ours / theirs, ours / theirs, 1.0, goal=said))
    return found


def _median_error(laws: LawSet, corpus: str, ratio: float | None, times: float) -> float:
    """Nats; over the tokens measured or at a multiple of the last, over the ratios measured or at one."""
    ratios = np.array([r for r in RATIOS if 0 < r < 1] if ratio is None else [ratio])
    tokens = np.array([LONGEST / 2 * times] if ratio is None else np.arange(1, 6) * LONGEST / 10)
    d, r = (axis.ravel() for axis in np.meshgrid(tokens, ratios))
    n = np.full(len(d), 1.8e9)
    truth = two_timescales(corpus, n, d, r if corpus == "domain" else 1.0 - r)
    return float(np.median(np.abs(laws.predict(corpus, params=n, tokens=d, domain_ratio=r).loss - truth)))


def _by_engine(table: Table, seed: int) -> dict[str, Bools]:
    """Whether intervals from the curvature and from the posterior hold the truth."""
    points, rng = points_of(table), np.random.default_rng(seed)
    problem = Problem(DCpt(frame_of(points, table.loss)), points, np.log(table.loss))
    starts = problem.law.starts(rng, 8)[None]
    params = fit_groups(problem, np.ones((1, len(table))), starts).params[0]
    truth = np.array([np.log(DCPT["epsilon"]) if name == "ln_epsilon" else DCPT[name] for name in problem.law.names])
    errors = np.sqrt(np.diag(sandwich(problem, params, table.trial)))
    low, high = np.quantile(posterior(problem, params, table.trial, rng).samples, (0.05, 0.95), axis=0)
    return {
        "parameters, curvature": np.asarray(np.abs(params - truth) <= _T_26 * errors),
        "parameters, posterior": np.asarray((low <= truth) & (truth <= high)),
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints the rows; 1 where one failed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.laws_simulated", description=__doc__)
    parser.add_argument("--tables-of-losses", type=int, default=TABLES, help="how many to simulate")
    found = rows(count=parser.parse_args(arguments).tables_of_losses)
    print(text_of(found))
    return int(not all(row.passed for row in found))


if __name__ == "__main__":
    sys.exit(main())
