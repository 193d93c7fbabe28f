import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sweeper.pipeline.specs import SpecFactory, evaluation_points, law_fractions
from tests.pipeline.made_up import experiment, factory
from trainers.spec import Method, TrialSpec

STEP = 1024


def every_trial(made: SpecFactory) -> list[TrialSpec]:
    asked = made.experiment
    return [
        made.base("builtin:tiny-s", "full"),
        made.base("builtin:tiny-s", "qlora"),
        made.search("full", 1e-3, None, 0.4),
        made.search("qlora", 1e-3, 8, 0.4),
        made.rate_check("builtin:tiny-s", "full", 1e-3, None, 0.4),
        *(made.law(base, "full", 1e-3, None, ratio) for base in asked.base_models for ratio in asked.law.domain_ratio),
        *(made.law("builtin:tiny-m", "full", 1e-3, None, 0.33, replicate) for replicate in range(1, 4)),
        made.confirm("full", 1e-3, None, 0.4),
    ]


@pytest.mark.parametrize(
    ("tokens", "fractions", "points"),
    [
        (80_000, (0.25, 0.5), (20_480, 40_960, 80_896)),
        (1024, (0.25, 0.5), (1024,)),
        (3000, (1.0,), (3072,)),
        (4096, (), (4096,)),
    ],
)
def test_evaluations_stand_at_whole_steps_and_at_the_end(
    tokens: int, fractions: tuple[float, ...], points: tuple[int, ...]
) -> None:
    assert evaluation_points(tokens, STEP, fractions) == points


@given(st.integers(1, 10**7), st.integers(1, 5000), st.lists(st.floats(0.01, 1.0), max_size=8))
def test_evaluations_rise_and_never_pass_the_last_step(tokens: int, step: int, fractions: list[float]) -> None:
    points = evaluation_points(tokens, step, fractions)
    assert all(a < b for a, b in itertools.pairwise(points))
    assert all(point > 0 and point % step == 0 for point in points)
    assert tokens <= points[-1] < tokens + step


def test_a_law_is_measured_more_densely_early() -> None:
    assert law_fractions(6) == pytest.approx((0.0680, 0.1925, 0.3536, 0.5443, 0.7607, 1.0), abs=1e-4)
    assert law_fractions(1) == (1.0,)


def test_identity_follows_content_and_not_place_or_machine() -> None:
    asked = experiment()
    here, there = factory(asked), factory(asked, "/elsewhere")
    assert [spec.id for spec in every_trial(here)] == [spec.id for spec in every_trial(there)]
    assert (
        here.confirm("full", 1e-3, None, 0.4).checkpoint_path != there.confirm("full", 1e-3, None, 0.4).checkpoint_path
    )


@pytest.mark.parametrize(
    "resources", [{"num_workers": 2}, {"lanes": 3, "threads_per_worker": 4}, {"checkpoint_seconds": 1.0}]
)
def test_resources_change_no_identity(resources: dict[str, float]) -> None:
    plain, other = factory(experiment()), factory(experiment(resources=resources))
    assert [spec.id for spec in every_trial(plain)] == [spec.id for spec in every_trial(other)]


def test_the_micro_batch_changes_no_identity_but_the_step_does() -> None:
    trial = [
        factory(experiment(trainer=dict(zip(names, sizes, strict=True)))).law("builtin:tiny-s", "full", 1e-3, None, 0.1)
        for names, sizes in (
            (("per_device_train_batch_size", "gradient_accumulation_steps"), (8, 1)),
            (("per_device_train_batch_size", "gradient_accumulation_steps"), (4, 2)),
            (("per_device_train_batch_size", "gradient_accumulation_steps"), (4, 1)),
        )
    ]
    assert trial[0].micro_batch_size != trial[1].micro_batch_size
    assert trial[0].id == trial[1].id != trial[2].id


@pytest.mark.parametrize(
    "changes",
    [
        {"seed": 1},
        {"law__max_tokens": "170k"},
        {"law__evaluations": 5},
        {"trainer": {"weight_decay": 0.2}},
        {"evaluation__max_tokens": "4k"},
    ],
)
def test_what_decides_losses_changes_the_identity(changes: dict[str, object]) -> None:
    point: tuple[str, Method, float, None, float] = ("builtin:tiny-s", "full", 1e-3, None, 0.1)
    assert factory(experiment()).law(*point).id != factory(experiment(**changes)).law(*point).id


def test_the_same_text_under_another_fingerprint_is_another_trial() -> None:
    made = factory(experiment())
    changed = made.corpora["builtin:tiny-s"][0].model_copy(update={"fingerprint": "other"})
    spec = made.law("builtin:tiny-s", "full", 1e-3, None, 0.1)
    assert spec.model_copy(update={"corpora": (changed, *spec.corpora[1:])}).id != spec.id


def test_rungs_are_members_of_the_evaluations_and_not_the_end() -> None:
    spec = factory(experiment()).search("full", 1e-3, None, 0.4)
    assert spec.rungs == (20_480, 40_960)
    assert set(spec.rungs) < set(spec.evaluate_at)
    assert spec.evaluate_at[-1] == 80_896


def test_only_the_search_has_rungs() -> None:
    assert [spec.role for spec in every_trial(factory(experiment())) if spec.rungs] == ["search", "search"]


def test_the_confirming_run_has_a_seed_that_nothing_else_has() -> None:
    trials = every_trial(factory(experiment(seed=7, law__replicates=3)))
    confirming = [spec for spec in trials if spec.role == "confirm"]
    assert len(confirming) == 1
    assert confirming[0].seed not in {spec.seed for spec in trials if spec.role != "confirm"}


def test_only_the_confirming_run_and_the_untrained_bases_see_the_test_part() -> None:
    seeing = {spec.role for spec in every_trial(factory(experiment())) if "test" in spec.evaluation_splits}
    assert seeing == {"base", "confirm"}


def test_every_trial_is_another() -> None:
    trials = every_trial(factory(experiment(law__replicates=3)))
    assert len({spec.id for spec in trials}) == len(trials)


def test_replicates_differ_in_their_seed_alone() -> None:
    made = factory(experiment())
    first, again = (made.law("builtin:tiny-m", "full", 1e-3, None, 0.33, k) for k in (0, 1))
    assert first.seed + 1 == again.seed
    assert {k for k, v in first.content().items() if v != again.content()[k]} == {"seed"}


def test_alpha_follows_the_rank() -> None:
    made = factory(experiment())
    assert [made.search("qlora", 1e-3, r, 0.4).lora.alpha for r in (4, 16)] == [8, 32]  # type: ignore[union-attr]


def test_an_adapter_without_a_rank_is_refused() -> None:
    with pytest.raises(ValueError, match="rank"):
        factory(experiment()).search("qlora", 1e-3, None, 0.4)
