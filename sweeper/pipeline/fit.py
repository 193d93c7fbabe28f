"""Laws from the table of measurements, and the recommendation from the laws."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sweeper.experiment.model import Experiment
from sweeper.measurements import (
    build_document_table,
    build_table,
    to_columns,
    write_document_losses,
    write_measurements,
)
from sweeper.pipeline.plain import write_text
from sweeper.pipeline.workspace import Workspace
from sweeper.trials.record import TrialRecord

if TYPE_CHECKING:
    import pyarrow as pa

    from sweeper.laws import LawSet, Recommendation, Table

BOOTSTRAP = 200


@dataclass(frozen=True)
class Fitted:
    """Table, laws and recommendation."""

    table: "Table"
    laws: "LawSet"
    recommendation: "Recommendation"


def measurements_of(experiment: Experiment, records: Iterable[TrialRecord]) -> "pa.Table":
    """The table of measurements."""
    return build_table(
        records,
        target=experiment.target,
        corpus_roles={name: experiment.role(name) for name in experiment.corpora},
        experiment=experiment.name,
    )


def write_tables(experiment: Experiment, workspace: Workspace, records: Iterable[TrialRecord]) -> None:
    """Write the measurements and the documents' losses; the order of trials is their ids', however they came."""
    kept = sorted(records, key=lambda record: record.id)
    write_measurements(workspace.output, measurements_of(experiment, kept))
    write_document_losses(workspace.output, build_document_table(kept))


def fit_to(measurements: "pa.Table") -> "pa.Table":
    """The rows that laws may be fitted to: a trial that diverged or broke says nothing about its mixture."""
    import pyarrow.compute as pc

    return measurements.filter(pc.not_equal(measurements["state"], "failed"))


def fit_and_recommend(
    experiment: Experiment,
    workspace: Workspace,
    measurements: "pa.Table",
    *,
    method: str,
    base_loss: float,
    params: int,
) -> Fitted:
    """Fit the laws, or read them where the same rows were fitted before, and recommend.

    Args:
        experiment: Names target, constraint and tokens.
        workspace: Where laws and recommendation are written.
        measurements: The table of measurements.
        method: The chosen method, whose law trials are fitted.
        base_loss: The constrained corpus' loss on the unquantised base model, nats.
        params: Size of the model to adapt.
    """
    from sweeper.laws import recommend_tradeoff, table_from_columns

    table = table_from_columns(to_columns(fit_to(measurements)), target=experiment.target)
    laws = _fit_once(table, workspace.laws, experiment.seed, method)
    constraint = experiment.constraint
    recommendation = recommend_tradeoff(
        laws,
        target=experiment.target,
        constraint={constraint.corpus: (base_loss, constraint.max_increase)},
        tokens=experiment.confirm.tokens,
        params=params,
        confidence=constraint.confidence,
    )
    return Fitted(table, laws, recommendation)


def _fit_once(table: "Table", path: Path, seed: int, method: str) -> "LawSet":
    """Laws are a function of their table: a finished run does not fit again."""
    from sweeper.laws import LawSet, fit

    key = _digest(table, seed, method)
    if path.is_file():
        stored = path.read_text(encoding="utf-8")
        if json.loads(stored).get("fitted_to") == key:
            return LawSet.from_json(stored)
    laws = fit(table, seed=seed, bootstrap=BOOTSTRAP, method=method)
    write_text(path, json.dumps({**json.loads(laws.to_json()), "fitted_to": key}))
    return laws


def _digest(table: "Table", seed: int, method: str) -> str:
    from sweeper import __version__
    from sweeper.laws.fits.serialise import VERSION

    digest = hashlib.sha256(f"{__version__} {VERSION} {seed} {BOOTSTRAP} {method} {table.target}".encode())
    for name, value in sorted(vars(table).items()):
        if hasattr(value, "tobytes"):
            digest.update(name.encode() + str(value.tolist()).encode())
    return digest.hexdigest()[:16]
