"""The search of `scheduler_scale`: a real study, records and tracker; specs of trials that nothing trains."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sweeper.experiment import Experiment, parse_experiment
from sweeper.search.objective import Objective
from sweeper.search.outcome import Outcome
from sweeper.search.paired_pruning import PairedPruning
from sweeper.search.proposal import Proposal
from sweeper.search.source import SearchTrials
from sweeper.search.study import Study
from sweeper.trials.store import TrialStore
from trainers.spec import CorpusRef, Lora, ModelRef, TrialSpec

if TYPE_CHECKING:
    import optuna

TOKENS = 100_000
EVALUATE_AT = (10_000, 25_000, 50_000, 75_000, TOKENS)
RUNGS = (25_000, 50_000)
OBJECTIVE = Objective("code", "general", 3.25, 5.0)


def experiment(trials: int, lanes: int) -> Experiment:
    """As a user would write it."""
    return parse_experiment(
        {
            "name": "scheduler-scale",
            "corpora": {"general": {"source": "builtin:docs"}, "code": {"source": "builtin:code"}},
            "target": "code",
            "base_models": ["builtin:tiny-s"],
            "search": {
                "space": {
                    "method": {"choices": ["full", "qlora"]},
                    "learning_rate": {
                        "full": {"low": 1e-5, "high": 1e-2, "log": True},
                        "qlora": {"low": 1e-4, "high": 1e-1, "log": True},
                    },
                    "lora_r": {"choices": [4, 8, 16, 32], "when": {"method": ["qlora"]}},
                    "domain_ratio": {"low": 0.0, "high": 1.0},
                },
                "trials": trials,
                "max_tokens": TOKENS,
            },
            "law": {"domain_ratio": [0.0, 0.1, 0.33, 0.67, 1.0], "max_tokens": "160k"},
            "constraint": {"corpus": "general", "max_increase": 0.03},
            "confirm": {"tokens": "240k"},
            "resources": {"lanes": lanes, "use_gpu": False},
        }
    )


class TimedStudy(Study):
    """A study that notes how long each ask and each tell took."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.asks: list[float] = []
        """Seconds, in order."""
        self.tells: list[float] = []

    def ask(self) -> "tuple[optuna.trial.Trial, Proposal]":
        """Timed."""
        began = time.perf_counter()
        try:
            return super().ask()
        finally:
            self.asks.append(time.perf_counter() - began)

    def tell(self, trial: "optuna.trial.Trial", outcome: Outcome) -> None:
        """Timed."""
        began = time.perf_counter()
        super().tell(trial, outcome)
        self.tells.append(time.perf_counter() - began)


def open_study(path: Path, asked: Experiment) -> TimedStudy:
    """The study with the experiment's own sampler and pruner."""
    search = asked.search
    return TimedStudy(
        path,
        asked.name,
        search.space.parameters(),
        sampler=search.sampler,
        startup_trials=search.startup_trials,
        pruner=search.pruner,
        rungs=RUNGS,
        max_tokens=TOKENS,
        seed=asked.seed,
    )


def search_trials(study: Study, asked: Experiment, store: TrialStore) -> SearchTrials:
    """The search's queue of trials; each gets a spec and a record as in a run."""
    pruning = PairedPruning(asked.search.pruner, RUNGS, OBJECTIVE, [])
    return SearchTrials(
        study,
        asked.search.trials,
        OBJECTIVE,
        lambda proposal: store.record(spec_of(proposal, 0), purpose="search"),
        pruning,
    )


def spec_of(proposal: Proposal, seed: int, corpora: Sequence[str] = ("general", "code")) -> TrialSpec:
    """What the proposal would train."""
    rank = proposal.lora_r
    return TrialSpec(
        role="search",
        model=ModelRef(name="sleeps", path="nowhere", fingerprint="sleeps"),
        method=proposal.method,  # type: ignore[arg-type]  # the space's choices are methods
        lora=None if rank is None else Lora(r=rank, alpha=2.0 * rank),
        learning_rate=proposal.learning_rate,
        corpora=tuple(CorpusRef(name=name, path="nowhere", fingerprint=name) for name in corpora),
        mixture={"general": 1.0 - proposal.domain_ratio, "code": proposal.domain_ratio},
        max_tokens=TOKENS,
        max_seq_length=128,
        global_batch_size=8,
        seed=seed,
        precision="fp32",
        evaluate_at=EVALUATE_AT,
        rungs=RUNGS,
    )
