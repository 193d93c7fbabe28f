from collections.abc import Callable
from typing import Any

import pytest

from tests.trainers.tiny import LENGTH
from trainers.errors import TrainerError
from trainers.spec import CorpusRef, TrialSpec
from trainers.state.trunk import branch, steps_of, trunk_id

Make = Callable[..., TrialSpec]
STEP = 4 * LENGTH
TRUNK: dict[str, Any] = {"schedule": {"warmup_tokens": 2 * STEP}, "branch_path": "/kept", "branch_points": (6 * STEP,)}


@pytest.fixture
def trunk(make_spec: Make) -> TrialSpec:
    return make_spec(**TRUNK)


@pytest.mark.parametrize(
    "changes",
    [
        {"role": "law"},
        {"max_tokens": 30 * STEP},
        {"schedule": {"type": "wsd", "warmup_tokens": 2 * STEP, "decay_tokens": STEP, "decay_shape": "linear"}},
        {"schedule": {"warmup_ratio": 2 / 12}},
        {"evaluate_at": (STEP,), "evaluation_tokens": 16, "evaluation_splits": ("test",)},
        {"mixture": {"general": 1.0}, "reference": {"general": 1.0, "code": 0.0}},
        {"branch_path": "/elsewhere", "micro_batch_size": 1, "branch_points": ()},
    ],
)
def test_what_comes_after_the_trunk_is_not_in_its_id(make_spec: Make, changes: dict[str, Any]) -> None:
    reference = make_spec(**TRUNK | {"mixture": changes.pop("reference", {"general": 0.35, "code": 0.65})})
    assert trunk_id(make_spec(**TRUNK | changes)) == trunk_id(reference)


@pytest.mark.parametrize(
    "changes",
    [
        {"learning_rate": 1e-3},
        {"seed": 4},
        {"method": "lora"},
        {"precision": "bf16"},
        {"optimizer": "adamw_8bit"},
        {"weight_decay": 0.2},
        {"max_grad_norm": 0.5},
        {"adam_betas": (0.9, 0.99)},
        {"mixture": {"general": 0.5, "code": 0.5}},
        {"global_batch_size": 8},
        {"max_seq_length": 8},
        {"document_mask": True},
        {"schedule": {"warmup_tokens": 3 * STEP}},
        {"schedule": {"warmup_tokens": 2 * STEP, "start_ratio": 0.1}},
    ],
)
def test_what_decides_a_step_of_the_trunk_is_in_its_id(make_spec: Make, changes: dict[str, Any]) -> None:
    assert trunk_id(make_spec(**TRUNK | changes)) != trunk_id(make_spec(**TRUNK))


def test_other_training_text_is_another_trunk_but_other_text_to_evaluate_is_not(
    make_spec: Make, corpora: tuple[CorpusRef, ...]
) -> None:
    general, code = corpora
    shares = TRUNK | {"mixture": {"general": 1.0}}
    changed = [
        (general.model_copy(update={"fingerprint": "x"}), code),
        (general, code.model_copy(update={"fingerprint": "x"})),
    ]
    trained, evaluated = (trunk_id(make_spec(**shares, corpora=refs)) for refs in changed)
    assert trained != trunk_id(make_spec(**shares)) == evaluated


def test_a_branch_follows_its_trunk_and_then_decays(trunk: TrialSpec) -> None:
    spec = branch(trunk, 6 * STEP - 1, 3 * STEP)
    steps = steps_of(spec)
    assert (steps.warmup_steps, steps.decay_start, steps.n_steps) == (2, 6, 9)
    assert trunk_id(spec) == trunk_id(trunk)
    assert (spec.branch_points, spec.evaluate_at, spec.branch_path) == ((), (), "/kept")


def test_a_branch_off_a_share_of_warm_up_keeps_its_steps(make_spec: Make) -> None:
    trunk = make_spec(**TRUNK | {"schedule": {"warmup_ratio": 0.25}})
    spec = branch(trunk, 4 * STEP, STEP)
    assert steps_of(spec).warmup_steps == steps_of(trunk).warmup_steps == 3
    assert trunk_id(spec) == trunk_id(trunk)


def test_a_branch_keeps_no_checkpoint_in_its_trunks_folder(make_spec: Make) -> None:
    spec = branch(make_spec(**TRUNK, checkpoint_path="/c", export_path="/e"), 6 * STEP, STEP)
    assert (spec.checkpoint_path, spec.export_path) == (None, None)


@pytest.mark.parametrize(
    ("changes", "at", "message"),
    [
        ({"branch_path": None, "branch_points": ()}, 6, "branch_path: the trunk keeps no states"),
        ({}, 1, "at 64 tokens the trunk's rate is not constant"),
        ({}, 13, "constant from 128 to 768 tokens"),
        ({"schedule": {"type": "cosine"}, "branch_points": ()}, 6, "rate is not constant"),
        ({"schedule": {"type": "wsd", "decay_ratio": 0.5}, "branch_points": ()}, 7, "rate is not constant"),
    ],
)
def test_a_branch_where_the_rate_is_not_constant_is_refused(
    make_spec: Make, changes: dict[str, Any], at: int, message: str
) -> None:
    with pytest.raises(TrainerError, match=message):
        branch(make_spec(**TRUNK | changes), at * STEP, STEP)
