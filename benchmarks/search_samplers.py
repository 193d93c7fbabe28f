"""Which sampler and pruner finds the best setting: regret at 10 to 200 trials on made-up surfaces.

    python -m benchmarks.search_samplers                             # everything; about an hour on one idle core
    python -m benchmarks.search_samplers --arms tpe/none random/none --seeds 5 --trials 100

Every arm runs our own queue of trials (`SearchTrials`) on four simulated lanes: a trial takes as long as its tokens, so
asks overlap. Regret is the true value (target loss, plus 5 times what breaks the constraint) of the trial that looks
best so far, minus the surface's true optimum; nats a token, without the noise that the sampler sees. An arm that prunes
spends fewer tokens on as many trials, so regret is also given at equal tokens. Prints a table, ends with one JSON line.
"""

import argparse
import heapq
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # for those who start this file without `-m`

from benchmarks.search_surfaces import RUNGS, SPACE, TOKENS, Surface, ended, record_of
from sweeper.experiment.pruners import Hyperband, Median, NoPruner, Pruner, SuccessiveHalving, Wilcoxon
from sweeper.experiment.samplers import Gp, Random, Sampler, Tpe
from sweeper.search.outcome import Outcome
from sweeper.search.paired_pruning import PairedPruning
from sweeper.search.proposal import Proposal
from sweeper.search.source import SearchTrials
from sweeper.search.study import Study
from sweeper.trials.record import TrialRecord

SAMPLERS: dict[str, Sampler] = {
    "tpe": Tpe(),
    "tpe-wide": Tpe(n_ei_candidates=96),
    "tpe-apart": Tpe(group=False, multivariate=False),
    "gp": Gp(),
    "random": Random(),
}
PRUNERS: dict[str, Pruner] = {
    "none": NoPruner(),
    "sh": SuccessiveHalving(),
    "sh-noisy": SuccessiveHalving(p_threshold=1.0),
    "hyperband": Hyperband(),
    "median": Median(),
    "wilcoxon": Wilcoxon(),
}
COUNTS = (10, 30, 100, 200)
LANES = 4
MEMORY = Path("/dev/shm")
"""Where the journals of these studies may lie: what is measured is not the disk."""
RESULTS = Path(__file__).parent / "results" / "search_samplers.json"


@dataclass
class Course:
    """One search: after each trial that ended, the tokens spent and the regret of the best so far."""

    tokens: list[int] = field(default_factory=list)
    regrets: list[float] = field(default_factory=list)
    seconds: float = 0.0

    def at_trials(self, count: int) -> float:
        """Regret after so many trials."""
        return self.regrets[min(count, len(self.regrets)) - 1]

    def at_tokens(self, tokens: float) -> float:
        """Regret when so many tokens were spent; nan before the first trial's end or beyond the search's."""
        if self.tokens[-1] < tokens:
            return float("nan")
        return next(
            (r for t, r in zip(reversed(self.tokens), reversed(self.regrets), strict=True) if t <= tokens), float("nan")
        )


class Penalised(SearchTrials):
    """Tells the penalised objective without a constraint, and divergence as a failure: the search as it was."""

    def _outcome(self, record: TrialRecord) -> Outcome:
        if record.state == "completed" and record.last is not None:
            return Outcome("completed", (self._objective(record.last),))
        return Outcome("pruned" if record.state == "pruned" else "failed")


def run(sampler: str, pruner: str, seed: int, trials: int, startup: int) -> Course:
    """One search on the surface of a seed."""
    surface, course = Surface.drawn(seed), Course()
    told_as_before = sampler.endswith("+penalty")
    asked, stops = SAMPLERS[sampler.removesuffix("+penalty")], PRUNERS[pruner]
    objective, optimum = surface.objective(), surface.optimum()
    proposals: dict[str, Proposal] = {}

    def record(proposal: Proposal) -> TrialRecord:
        made = record_of(proposal)
        proposals[made.id] = proposal
        return made

    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as folder:
        study = Study(
            Path(folder) / "study.log", "s", SPACE, sampler=asked, startup_trials=startup, pruner=stops, rungs=RUNGS,
            max_tokens=TOKENS, seed=seed,
        )  # fmt: skip
        pruning = PairedPruning(stops, RUNGS, objective)
        source = (Penalised if told_as_before else SearchTrials)(study, trials, objective, record, pruning)
        began = time.process_time()
        best: tuple[tuple[bool, float], float] | None = None
        for ended_trial in drive(source, surface, proposals):
            if ended_trial.state == "completed":
                value = (objective.rank(ended_trial), surface.value(proposals[ended_trial.id]) - optimum)
                best = value if best is None else min(best, value)
            spent = ended_trial.last.tokens if ended_trial.last else RUNGS[0]
            course.tokens.append((course.tokens[-1] if course.tokens else 0) + spent)
            course.regrets.append(best[1] if best is not None else float("nan"))
        course.seconds = time.process_time() - began
    return course


def drive(source: SearchTrials, surface: Surface, proposals: Mapping[str, Proposal]) -> Iterator[TrialRecord]:
    """Run all trials on simulated lanes; gives each as it ends."""
    running: list[tuple[int, int, TrialRecord]] = []
    started = 0

    def start(now: int) -> None:
        nonlocal started
        record = source.next()
        if record is not None:
            started += 1
            heapq.heappush(running, (now + RUNGS[0], started, record))

    for _ in range(LANES):
        start(0)
    while running:
        now, number, record = heapq.heappop(running)
        following = advance(source, surface, proposals[record.id], record)
        if following is not None:
            heapq.heappush(running, (now + following, number, record))
            continue
        source.ended(record)
        yield record
        start(now)


def advance(source: SearchTrials, surface: Surface, proposal: Proposal, record: TrialRecord) -> int | None:
    """Take a trial to its next evaluation; tokens to the one after, None where it ended."""
    points = (*RUNGS, TOKENS)
    tokens = points[len(record.measurements)]
    if surface.diverged(proposal):
        record.state, record.reason = "failed", "diverged: made up"
        return None
    record.measurements.append(surface.measured(proposal, tokens))
    if tokens == TOKENS:
        record.state, record.finished = "completed", ended(proposal, tokens)
        return None
    if source.judge(record, record.measurements[-1]).action == "stop":
        record.state = "pruned"
        return None
    return points[len(record.measurements)] - tokens


def summary(courses: Sequence[Course], trials: int) -> dict[str, float]:
    """Medians and means over seeds."""
    counts = [n for n in COUNTS if n <= trials]
    row: dict[str, float] = {}
    for n in counts:
        values = [c.at_trials(n) for c in courses]
        row[f"regret_{n}"] = statistics.median(values)
        row[f"mean_{n}"] = statistics.fmean(values)
        row[f"tokens_{n}"] = statistics.fmean(c.tokens[min(n, len(c.tokens)) - 1] / (n * TOKENS) for c in courses)
        equal = [x for c in courses if (x := c.at_tokens(n * TOKENS)) == x]
        if len(equal) == len(courses):
            row[f"regret_at_tokens_{n}"] = statistics.median(equal)
    row["seconds_a_trial"] = statistics.fmean(c.seconds / len(c.tokens) for c in courses)
    return row


def printed(name: str, row: Mapping[str, float]) -> str:
    """A line of the table."""
    cells = [f"{row.get(f'regret_{n}', float('nan')):8.4f} {row.get(f'mean_{n}', float('nan')):8.4f}" for n in COUNTS]
    tokens = row.get("tokens_100", row.get("tokens_30", float("nan")))
    equal = [f"{row.get(f'regret_at_tokens_{n}', float('nan')):8.4f}" for n in COUNTS[:3]]
    return f"{name:24s} {' '.join(cells)}  {tokens:6.2f}  {' '.join(equal)}  {1e3 * row['seconds_a_trial']:6.0f} ms"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--arms", nargs="*", default=[f"{s}/{p}" for s in ("tpe", "random") for p in PRUNERS])
    parser.add_argument("--seeds", type=int, default=30)
    parser.add_argument("--trials", type=int, default=200)
    parser.add_argument("--startup", type=int, default=5)
    parser.add_argument("--keep", action="store_true", help=f"add the arms to {RESULTS}")
    asked = parser.parse_args()
    heads = " ".join(f"{f'{n} trials':>17s}" for n in COUNTS)
    print(f"{'sampler/pruner':24s} {heads}  tokens  regret at the tokens of 10, 30, 100 whole trials   CPU a trial")
    found: dict[str, dict[str, float]] = {}
    for arm in asked.arms:
        sampler, pruner = arm.split("/")
        courses = [run(sampler, pruner, seed, asked.trials, asked.startup) for seed in range(asked.seeds)]
        name = arm if asked.startup == 5 else f"{arm}@{asked.startup}"
        found[name] = {**summary(courses, asked.trials), "seeds": asked.seeds, "trials": asked.trials}
        print(printed(name, found[name]), flush=True)
        if asked.keep:
            known = json.loads(RESULTS.read_text())["arms"] if RESULTS.is_file() else {}
            RESULTS.write_text(json.dumps({"arms": {**known, **found}}, indent=1) + "\n")
    print(json.dumps({"arms": found}))


if __name__ == "__main__":
    main()
