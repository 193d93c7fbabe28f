"""A small space, and trials of it whose losses are made up."""

from collections.abc import Sequence
from pathlib import Path

from sweeper.experiment.distributions import Categorical, Float, Parameter
from sweeper.experiment.pruners import Pruner, SuccessiveHalving
from sweeper.experiment.samplers import Sampler, Tpe
from sweeper.search.objective import Objective
from sweeper.search.paired_pruning import PairedPruning
from sweeper.search.proposal import Proposal
from sweeper.search.source import SearchTrials
from sweeper.search.study import Study
from sweeper.trials.record import TrialRecord
from trainers.messages import CorpusLoss, DocumentLoss, Measurement
from trainers.spec import CorpusRef, Lora, ModelRef, TrialSpec

SPACE = (
    Parameter("method", "method", Categorical(("full", "qlora"))),
    Parameter("learning_rate.full", "learning_rate", Float(1e-4, 1e-2, log=True), {"method": ("full",)}),
    Parameter("learning_rate.qlora", "learning_rate", Float(1e-3, 1e-1, log=True), {"method": ("qlora",)}),
    Parameter("lora_r", "lora_r", Categorical((4, 8, 16)), {"method": ("lora", "qlora")}),
    Parameter("domain_ratio", "domain_ratio", Float(0.1, 0.9)),
)
OBJECTIVE = Objective("code", "docs", limit=2.0, penalty=5.0)


RUNGS = (100, 200)


def study(path: Path, seed: int = 0, sampler: Sampler | None = None, pruner: Pruner | None = None) -> Study:
    return Study(
        path / "study.log", "s", SPACE,
        sampler=sampler or Tpe(), startup_trials=3, pruner=pruner or SuccessiveHalving(), rungs=RUNGS, max_tokens=400,
        seed=seed,
    )  # fmt: skip


def source_of(opened: Study, trials: int, pruner: Pruner | None = None) -> SearchTrials:
    pruning = PairedPruning(pruner or SuccessiveHalving(), RUNGS, OBJECTIVE)
    return SearchTrials(opened, trials, OBJECTIVE, record_of, pruning)


def record_of(proposal: Proposal) -> TrialRecord:
    spec = TrialSpec(
        role="search",
        model=ModelRef(name="m", path="p", fingerprint="m"),
        method=proposal.method,  # type: ignore[arg-type]
        lora=Lora(r=proposal.lora_r, alpha=2 * proposal.lora_r) if proposal.lora_r else None,
        learning_rate=proposal.learning_rate,
        corpora=(CorpusRef(name="code", path="p", fingerprint="c"), CorpusRef(name="docs", path="p", fingerprint="d")),
        mixture={"code": proposal.domain_ratio, "docs": 1 - proposal.domain_ratio},
        max_tokens=400, max_seq_length=8, global_batch_size=8, seed=0, precision="fp32",
        evaluate_at=(100, 200, 400), rungs=(100, 200),
    )  # fmt: skip
    return TrialRecord(spec)


def measured(tokens: int, code: float, docs: float = 1.0, spread: Sequence[float] = ()) -> Measurement:
    """Losses of two corpora; with `spread`, of documents of 10 tokens, each so many nats a token off the mean."""
    losses = tuple(
        CorpusLoss(
            corpus=name, split="valid", nll=100 * loss, tokens=100, bytes=300,
            documents=tuple(DocumentLoss(document=i, nll=10 * (loss + s), tokens=10) for i, s in enumerate(spread)),
        )
        for name, loss in (("code", code), ("docs", docs))
    )  # fmt: skip
    return Measurement(tokens=tokens, step=1, lr_area=1, lr_fraction=1, losses=losses, unique_tokens={}, seconds=0)


def finish(source: SearchTrials, record: TrialRecord, loss: float, spread: Sequence[float] = ()) -> None:
    """Run a trial as the lanes do: rungs first, then the end unless it was pruned."""
    for tokens in (100, 200):
        record.measurements.append(measured(tokens, loss, spread=spread))
        if source.judge(record, record.measurements[-1]).action == "stop":
            record.state = "pruned"
            source.ended(record)
            return
    record.measurements.append(measured(400, loss))
    record.state = "completed"
    source.ended(record)
