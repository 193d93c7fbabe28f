"""From what a run found out to the data of its report."""

import importlib.metadata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sweeper.experiment.quantities import format_tokens
from sweeper.measurements import read_table, to_columns
from sweeper.pipeline.answer import Answer
from sweeper.pipeline.bases import BaseLosses
from sweeper.pipeline.counts import Counts
from sweeper.pipeline.plan import format_seconds
from sweeper.pipeline.prepare import Inputs
from sweeper.pipeline.search import Found, objective_for
from sweeper.pipeline.search_page import search_panels, search_tables
from sweeper.pipeline.session import Session
from sweeper.report import (
    Cell,
    Fact,
    Predict,
    ReportData,
    Table,
    ratio_panels,
    search_points,
    token_panels,
    trials_table,
    write_report,
)
from sweeper.trials.record import TrialRecord

if TYPE_CHECKING:
    from sweeper.laws import LawSet, Prediction

PACKAGES = ("ray", "torch", "transformers", "peft", "bitsandbytes", "optuna", "mlflow")


@dataclass(frozen=True)
class Findings:
    """Everything that the phases of a run gave."""

    inputs: Inputs
    losses: BaseLosses
    found: Found
    answer: Answer


def write_page(session: Session, findings: Findings, counts: Counts) -> None:
    """Write the report."""
    write_report(session.workspace.report, report_data(session, findings, counts))


def report_data(session: Session, findings: Findings, counts: Counts) -> ReportData:
    """The page, top to bottom."""
    experiment, answer = session.experiment, findings.answer
    recommendation, laws = answer.fitted.recommendation, answer.fitted.laws
    columns = to_columns(read_table(session.workspace.output))
    objective = objective_for(experiment, findings.losses, answer.base_model)
    return ReportData(
        title=experiment.name,
        subtitle=f"{answer.base_model}, adapted to {experiment.target}",
        answer=(answer.sentence(), *answer.lines()),
        warnings=tuple(answer.trust),
        facts=(*_facts(answer), *_budget(session)),
        predicted=_predicted(answer),
        ratio_panels=ratio_panels(
            columns,
            _predict(laws),
            method=answer.comparison.chosen,
            params=recommendation.params,
            tokens=recommendation.tokens,
            recommended=recommendation.domain_ratio,
            limits={objective.corpus: objective.limit},
            confirmed=_confirmed(answer),
        ),
        token_panels=token_panels(
            columns, _predict(laws), method=answer.comparison.chosen, to_tokens=recommendation.tokens
        ),
        methods=_methods(answer),
        search=search_points(
            columns, {record.id: objective(record.last) for record in findings.found.records if record.last}
        ),
        search_panels=search_panels(findings.found, objective),
        search_tables=search_tables(findings.found, objective),
        laws=tuple(_law_tables(answer)),
        law_notes=tuple(dict.fromkeys([*laws.notes, *(n for law in laws.corpora.values() for n in law.notes)])),
        mixture=_mixture(findings),
        failures=failures_table(session.used.values()),
        trials=trials_table(columns),
        counts=tuple(Fact(name, str(number)) for name, number in counts.as_dict().items()),
        versions=tuple(Fact(name, importlib.metadata.version(name)) for name in PACKAGES),
    )


def failures_table(records: Iterable[TrialRecord], note: str = "") -> Table | None:
    """Why trials failed, and how to see each fail alone; None where none did."""
    rows = tuple(
        (record.id, record.labels.get("purpose", ""), record.short_reason, record.reproduce)
        for record in records
        if record.state == "failed"
    )
    return Table(("trial", "purpose", "reason", "to see it alone"), rows, note=note) if rows else None


def write_stopped_page(session: Session, reason: str) -> None:
    """Write the report of a run that stopped without an answer: what failed, and why."""
    session.workspace.summary.unlink(missing_ok=True)  # its presence says that the report is the answer's
    note = " · ".join(reason.splitlines())
    failures = failures_table(session.store, note)
    write_report(
        session.workspace.report,
        ReportData(title=session.experiment.name, subtitle="stopped without an answer", failures=failures),
    )


def _predict(laws: "LawSet") -> Predict:
    """The laws' predictions; corpora that are evaluated only have none, and are drawn without."""

    def predict(
        corpus: str, *, tokens: Sequence[float], params: float, domain_ratio: Sequence[float]
    ) -> "Prediction | None":
        if corpus not in laws.corpora:
            return None
        return laws.predict(corpus, tokens=tokens, params=params, domain_ratio=domain_ratio)

    return predict


def _confirmed(answer: Answer) -> dict[str, float]:
    """What the confirming run measured, of every corpus."""
    last = answer.confirmation.record.last if answer.confirmation else None
    return {loss.corpus: loss.loss for loss in last.losses if loss.split == "valid"} if last else {}


def _facts(answer: Answer) -> Iterator[Fact]:
    recommendation, setting = answer.fitted.recommendation, answer.comparison.setting
    low, high = recommendation.interval
    target = answer.experiment.target
    yield Fact(f"{target} text", f"{recommendation.domain_ratio:.0%}", f"90 % interval {low:.0%} to {high:.0%}")
    yield Fact("method", setting.method, f"rank {setting.lora_r}" if setting.lora_r else "")
    yield Fact("learning rate", f"{setting.learning_rate:.2g}")
    yield Fact("tokens", format_tokens(answer.experiment.confirm.tokens))
    likely = recommendation.p_constraint >= 0.5
    yield Fact("constraint holds", f"P = {recommendation.p_constraint:.2f}", tone="good" if likely else "bad")
    yield Fact("expected regret", f"{recommendation.regret:.4f} nats", f"of {target} loss, against the best ratio")


def _budget(session: Session) -> Iterator[Fact]:
    spending = session.spending
    if spending is not None:
        yield Fact("budget", spending.budget.words, f"{spending.said(sum(spending.ledger.spent().values()))} spent")


def _predicted(answer: Answer) -> Table | None:
    if answer.confirmation is None:
        return None
    heads = ("corpus", "part", "base", "predicted", "low", "high", "measured", "inside", "error", "nearest run's error")
    rows: list[tuple[Cell, ...]] = []
    for name, check in answer.confirmation.checks.items():
        inside = "yes" if check.covered else "no"
        rows.append(
            (name, "validation", check.base, check.predicted, check.low, check.high, check.measured, inside,
             check.error, check.nearest_error)
        )  # fmt: skip
        rows.append(
            (name, "test", check.test_base, check.test_predicted, None, None, check.test_measured, None,
             check.test_measured - check.test_predicted, None)
        )  # fmt: skip
    return Table(
        heads,
        tuple(rows),
        note="Nats per token; the interval is the 90 % interval of a single new run. No other trial has seen the test "
        "part: its prediction is the predicted relative change on the base model's loss there.",
    )


def _methods(answer: Answer) -> Table | None:
    comparison, experiment = answer.comparison, answer.experiment
    heads = ["method", "setting"]
    for corpus in experiment.corpora:
        heads += [f"{corpus} loss", f"{corpus}: minus {comparison.chosen}"]
    rows = tuple(
        (
            f"{method}{' (chosen)' if method == comparison.chosen else ''}",
            comparison.settings[method].words,
            *_method_losses(answer, method, records),
            *_costs(records),
        )
        for method, records in comparison.records.items()
    )
    seeds = len(next(iter(comparison.records.values())))
    note = (
        f"Each at its own best learning rate and rank; the same ratio ({comparison.ratio:.0%}), tokens "
        f"({format_tokens(experiment.law.max_tokens)}) and {seeds} seeds. Differences are paired by document and seed, "
        "± standard error. Memory is the peak of one worker's process, or of its GPU."
    )
    return Table((*heads, "peak memory, GB", "time of a trial"), rows, note=note)


def _method_losses(answer: Answer, method: str, records: list[TrialRecord]) -> Iterator[float | str]:
    differences = answer.comparison.differences.get(method)  # type: ignore[call-overload]
    for corpus in answer.experiment.corpora:
        last = [record.last.loss(corpus) for record in records if record.last]
        yield sum(last) / len(last)
        yield f"{differences[corpus].difference:+.4f} ± {differences[corpus].stderr:.4f}" if differences else "–"


def _costs(records: list[TrialRecord]) -> tuple[float, str]:
    ends = [record.finished for record in records if record.finished]
    memory = max(end.peak_memory_bytes for end in ends) / 1e9
    return round(memory, 2), format_seconds(sum(end.seconds for end in ends) / len(ends))


def _law_tables(answer: Answer) -> Iterator[Table]:

    from sweeper.laws import held_out_nats

    for name, law in answer.fitted.laws.corpora.items():
        errors = sorted({key for c in law.candidates.values() for key in held_out_nats(c)})
        rows = tuple(
            (
                f"{key}{' (used)' if key == law.law else ''}", len(c.parameters), c.quality.r2, c.quality.rmse,
                c.quality.huber, *(held_out_nats(c).get(error) for error in errors),
            )
            for key, c in law.candidates.items()
        )  # fmt: skip
        heads = ("law", "parameters", "R²", "RMSE", "Huber", *(error.replace("_", " ") for error in errors))
        title = f"{name}: laws compared"
        yield Table(heads, rows, title=title, note="Errors in nats per token.", scientific=("Huber",))
        yield Table(
            ("parameter", "value", "standard error", "low", "high"),
            tuple((key, p.value, p.stderr, p.low, p.high) for key, p in law.chosen.parameters.items()),
            title=f"{name}: {law.law}",
            note=f"{law.choice.why} Intervals are 90 %.",
        )


def _mixture(findings: Findings) -> Table:
    answer, inputs = findings.answer, findings.inputs
    experiment, recommendation = answer.experiment, answer.fitted.recommendation
    mixture = answer.mixture
    rows = []
    for name, corpus in inputs.prepared(inputs.adapted_base).items():
        train, share = corpus.counts["train"].tokens, mixture.get(name, 0.0)
        used = share * recommendation.tokens
        rows.append((name, experiment.role(name), f"{share:.1%}", train, round(used), round(used / max(1, train), 2)))
    heads = ("corpus", "role", "share", "training tokens there are", "tokens used", "epochs")
    return Table(heads, tuple(rows), note="A corpus that repeats does so in a fresh order each time.")
