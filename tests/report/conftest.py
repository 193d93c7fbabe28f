import math
from dataclasses import dataclass

import pytest

from sweeper.measurements import build_table, to_columns
from sweeper.report import Curve, Fact, Limit, Mark, Panel, ReportData, SearchPoint, Table
from tests.trial_records import base_record, measurement, record, spec


@dataclass
class FakePrediction:
    loss: list[float]
    low: list[float]
    high: list[float]


class FakeLaw:
    """4 - ratio - tokens in millions, with a band of 0.1."""

    def predict(self, corpus, *, tokens, params, domain_ratio):
        loss = [4 - r - t / 1e6 for r, t in zip(domain_ratio, tokens, strict=True)]
        return FakePrediction(loss, [x - 0.1 for x in loss], [x + 0.1 for x in loss])


@pytest.fixture
def law():
    return FakeLaw()


@pytest.fixture
def columns():
    """A base model, two law trials at two ratios, a QLoRA law trial and two search trials."""
    records = [
        base_record("full", 3.0, 4.0),
        base_record("qlora", 3.2, 4.2),
        record(spec(ratio=0.25), [measurement(1024, 3.1, 3.8), measurement(2048, 3.2, 3.6)]),
        record(spec(ratio=0.75), [measurement(1024, 3.3, 3.4), measurement(2048, 3.5, 3.2)]),
        record(spec(method="qlora", ratio=0.25), [measurement(2048, 3.1, 3.9)]),
        record(spec("search", ratio=0.4, seed=1), [measurement(1024, 3.2, 3.7)]),
        record(spec("search", "qlora", ratio=0.6, seed=2), [measurement(512, 3.2, 3.9)], state="pruned"),
    ]
    return to_columns(build_table(records, target="code", corpus_roles={"general": "general", "code": "domain"}))


@pytest.fixture
def data():
    """A page with something in every section, and markup in every text."""
    panel = Panel(
        "<b>panel</b>",
        "tokens",
        "loss",
        curves=(
            Curve("ratio 0.5", (1.0, 2.0), (3.0, 2.5), "line", low=(2.9, 2.4), high=(3.1, 2.6), ratio=0.5),
            Curve("ratio 0.5", (1.0, 2.0), (3.05, math.nan), "points", ratio=0.5),
        ),
        limits=(Limit(2.8, "constraint <i>"),),
        marks=(Mark(2.0, 2.5, "predicted"),),
    )
    table = Table(("corpus", "loss"), (("</script><script>alert(1)</script>", 2.5),))
    return ReportData(
        title="quick<start>",
        answer=("Mix 38 % code & train full weights.", "It holds with probability 0.93."),
        facts=(Fact("learning rate", "2.1e-4", "constant"),),
        predicted=table,
        ratio_panels=(panel,),
        token_panels=(panel,),
        methods=table,
        search=(SearchPoint("abc", 1e-3, 3.0, "full", 0.4), SearchPoint("def", 2e-3, 3.5, "qlora", 0.6, True, 8)),
        laws=(table,),
        law_notes=("Two sizes.",),
        mixture=table,
        failures=Table(("trial", "reason"), (("def", "diverged: <nan>"),)),
        trials=Table(("trial", "state"), (("abc", "completed"),)),
        counts=(Fact("computed", "3"),),
        versions=(Fact("torch", "2.13"),),
    )
