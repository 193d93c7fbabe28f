from pathlib import Path
from typing import Any

from sweeper.cli.planned import plan_dict, plan_lines
from sweeper.pipeline.costs import Cost, Costs
from sweeper.pipeline.plan import make_plan
from sweeper.pipeline.spending import open_spending
from sweeper.trials.store import TrialStore
from tests.pipeline.made_up import experiment, inputs
from trainers.estimate.estimated import Estimate, Flops

FLOPS = Flops(trained_token=6, recomputed_token=0, scored_token=2, training=60, evaluation=20)
KNOWN = Estimate(workers=1, micro_batch=8, step=None, evaluation=300 * 2**20, loading=100 * 2**20, paged=0, flops=FLOPS)


def lines(folder: Path, costs: Costs, **changes: Any) -> str:
    asked = experiment(**changes)
    found = inputs(asked, folder)
    return "\n".join(plan_lines(make_plan(asked, found, [], lanes=2, gpu=costs.gpu), found, costs))


def test_each_kind_of_trial_has_a_line(tmp_path: Path) -> None:
    kinds = (Cost("one", "full", None, KNOWN), Cost("one", "qlora", 16, KNOWN))
    said = lines(tmp_path, Costs(kinds, {"search": 1.5e12, "law": 0.5e12}, gpu=False))
    assert "  one full: 300.0 MiB\n  one qlora r = 16: 300.0 MiB\n" in said
    assert "floating-point operations, at most 2e+12: search 1.5e+12, law 5e+11" in said
    assert "C library" in said
    assert "C library" not in lines(tmp_path, Costs(kinds, {}, gpu=True))


def test_an_active_design_is_said_to_be_a_bound_and_checks_no_rates_apart(tmp_path: Path) -> None:
    fixed, active = (lines(tmp_path, Costs((), {}, gpu=False), design=design) for design in ("fixed", "active"))
    assert "at most: the active design" in active and "at most: the active design" not in fixed
    assert "\nlearning rate         3" in fixed and "\nlearning rate         0" in active


def test_what_is_not_known_is_said_once_with_its_reason(tmp_path: Path) -> None:
    kinds = tuple(Cost("one", method, None, None, "model: strange") for method in ("full", "qlora"))
    said = lines(tmp_path, Costs(kinds, {}, gpu=False))
    assert "  one full: not known\n" in said
    assert said.count("model: strange") == 1
    assert "floating-point" not in said


def test_the_same_as_data(tmp_path: Path) -> None:
    asked = experiment()
    found = inputs(asked, tmp_path)
    costs = Costs((Cost("one", "qlora", 16, KNOWN), Cost("two", "full", None, None, "why")), {"law": 2.0}, gpu=True)
    data = plan_dict(make_plan(asked, found, [], lanes=1, gpu=True), found, costs)
    assert data["flops"] == {"law": 2.0}
    assert data["memory"][0]["estimate"]["peak"] == 300 * 2**20
    assert (data["memory"][1]["estimate"], data["memory"][1]["unknown"]) == (None, "why")


def test_a_budget_is_shown_by_part(tmp_path: Path) -> None:
    asked = experiment(budget={"tokens": "9M"})
    found, costs = inputs(asked, tmp_path), Costs((), {}, gpu=False)
    plan = make_plan(asked, found, [], lanes=1, gpu=False)
    spending = open_spending(asked, found, TrialStore(tmp_path / "trials"), tmp_path / "spent.json")
    assert any(line.startswith("of 9M tokens: ") for line in plan_lines(plan, found, costs, spending))
    data = plan_dict(plan, found, costs, spending)["budget"]
    assert (data["unit"], data["amount"], data["spent"], data["estimated"]) == ("tokens", 9e6, 0, False)
    assert set(data["parts"]) == {"search", "law", "confirm"}
    assert plan_dict(plan, found, costs)["budget"] is None
