import math
from dataclasses import replace
from pathlib import Path

import pytest
from optuna.trial import FrozenTrial, TrialState, create_trial

from sweeper.experiment.distributions import Categorical, Float, Parameter
from sweeper.experiment.samplers import Tpe
from sweeper.search.earlier_runs import read_earlier
from sweeper.search.outcome import Outcome
from sweeper.search.prior_trials import MOST_PRIOR, Scale
from sweeper.search.study import Study
from sweeper.search.warm_start import WarmStart
from tests.search.earlier_tables import best_rate, write_run

SPACE = (
    Parameter("method", "method", Categorical(("full", "lora", "qlora"))),
    Parameter("learning_rate.full", "learning_rate", Float(1e-5, 1e-1, log=True), {"method": ("full",)}),
    Parameter("learning_rate.lora", "learning_rate", Float(1e-5, 1e-1, log=True), {"method": ("lora",)}),
    Parameter("learning_rate.qlora", "learning_rate", Float(1e-5, 1e-1, log=True), {"method": ("qlora",)}),
    Parameter("lora_r", "lora_r", Categorical((4, 8, 16)), {"method": ("lora", "qlora")}),
    Parameter("domain_ratio", "domain_ratio", Float(0.1, 0.9)),
)
SCALE = Scale("code", "general", target_base=5.0, constrained_base=2.0, limit=2.1, tokens=2e5)


@pytest.fixture(scope="module")
def warm(tmp_path_factory: pytest.TempPathFactory) -> WarmStart:
    runs = read_earlier(write_run(tmp_path_factory.mktemp("earlier")), "code", ("full", "lora", "qlora"))
    return WarmStart((runs,), SPACE, SCALE, params=16e6)


def study(folder: Path, warm: WarmStart) -> Study:
    from sweeper.experiment.pruners import NoPruner

    return Study(
        folder / "study.log", "s", SPACE, sampler=Tpe(), startup_trials=3, pruner=NoPruner(), rungs=(), max_tokens=400,
        seed=0, starts=warm.starts, prior=warm.prior,
    )  # fmt: skip


def told(count: int, value: float = 3.0) -> list[FrozenTrial]:
    return [create_trial(value=value, constraints={"constraint": -0.1}) for _ in range(count)]


def test_each_measured_method_begins_at_its_transferred_rate_and_the_others_in_the_middle(
    tmp_path: Path, warm: WarmStart
) -> None:
    asked = study(tmp_path, warm)
    first = {p.method: p for p in (asked.ask()[1] for _ in range(3))}
    assert first["full"].learning_rate == pytest.approx(warm.rates["full"].rate)
    assert first["lora"].learning_rate == pytest.approx(warm.rates["lora"].rate)
    assert first["qlora"].learning_rate == pytest.approx(1e-3)


def test_a_rate_outside_the_space_begins_at_its_edge(warm: WarmStart) -> None:
    narrow = tuple(
        replace(p, distribution=Float(1e-2, 1e-1, log=True)) if p.name == "learning_rate.full" else p for p in SPACE
    )
    found = replace(warm, parameters=narrow)
    assert found.starts()["full"]["learning_rate.full"] == 1e-2


def test_earlier_trials_are_no_trials_of_the_study(tmp_path: Path, warm: WarmStart) -> None:
    asked = study(tmp_path, warm)
    for _ in range(5):
        trial, proposal = asked.ask()
        asked.tell(trial, Outcome("completed", (3.0 + abs(proposal.domain_ratio - 0.5),), -0.1))
    assert len(asked.trials()) == 5 and len(study(tmp_path, warm).trials()) == 5


def test_a_rerun_adds_nothing_and_does_not_read_the_earlier_run_again(tmp_path: Path, warm: WarmStart) -> None:
    asked = study(tmp_path, warm)
    asked.ask()
    before = (tmp_path / "study.log").read_bytes()
    study(tmp_path, replace(warm, runs=()))
    assert (tmp_path / "study.log").read_bytes() == before


def test_earlier_losses_are_compared_over_base_losses(warm: WarmStart) -> None:
    shown = warm.prior([])
    assert 0 < len(shown) <= MOST_PRIOR
    runs = warm.runs[0]
    relatives = [trial.relative["code"] for trial in runs.trials]
    assert all(5.0 * min(relatives) - 1e-9 <= t.value <= 5.0 * max(relatives) + 1e-9 for t in shown if t.value)
    excesses = sorted(t.constraints["constraint"] for t in shown)
    assert excesses[0] == pytest.approx((3.0 + 0.2 * 0.25) / 3.0 * 2.0 - 2.1)


def test_earlier_rates_move_with_their_methods_best_one(warm: WarmStart) -> None:
    shown = [t for t in warm.prior([]) if t.params["method"] == "full"]
    earlier = sorted(t.learning_rate for t in warm.runs[0].trials if t.method == "full")
    moved = math.exp(warm.rates["full"].shift)
    assert moved == pytest.approx(4**-0.5, rel=0.2)
    assert all(any(math.isclose(t.params["learning_rate.full"], rate * moved) for rate in earlier) for t in shown)


def test_earlier_trials_fade_as_the_study_gets_its_own(warm: WarmStart) -> None:
    counts = [len(warm.prior(told(n))) for n in (0, 5, 10, MOST_PRIOR)]
    assert counts == sorted(counts, reverse=True) and counts[0] > counts[1] > 0 and counts[-1] == 0


def test_the_best_earlier_trial_counts_as_good_as_the_best_own_one(warm: WarmStart) -> None:
    shown = warm.prior(told(1, value=2.5))
    assert min(t.value for t in shown if t.value and t.constraints["constraint"] <= 0) >= 2.5 - 1e-9


def test_another_space_shows_no_earlier_trials_but_keeps_the_rates(warm: WarmStart) -> None:
    more = replace(warm, parameters=(*SPACE, Parameter("weight_decay", "weight_decay", Float(0.0, 0.2))))
    assert more.prior([]) == [] and set(more.rates) == {"full", "lora"}


def test_a_warm_search_starts_nearer_to_the_optimum_than_a_cold_one(tmp_path: Path, warm: WarmStart) -> None:
    first = {p.method: p for p in (study(tmp_path, warm).ask()[1] for _ in range(1))}
    off = abs(math.log(first["full"].learning_rate / best_rate("full", 16e6)))
    cold = abs(math.log(1e-3 / best_rate("full", 16e6)))
    assert off < cold


def test_what_is_said_of_it_has_the_learnt_ratio_and_the_intervals(warm: WarmStart) -> None:
    said = warm.to_dict()
    assert said["rate_over_full"]["lora"] == pytest.approx(6.0 * 4**0.4, rel=0.4)
    assert said["learning_rates"]["full"]["low"] < said["learning_rates"]["full"]["rate"]


def test_pruned_states_are_not_shown(warm: WarmStart) -> None:
    assert {t.state for t in warm.prior([])} == {TrialState.COMPLETE}
