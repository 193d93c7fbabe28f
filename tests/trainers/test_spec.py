from collections.abc import Callable

import pytest
from pydantic import ValidationError

from trainers.messages import MESSAGE, Failure, Progress
from trainers.spec import TrialSpec


def moved(spec: TrialSpec) -> dict[str, object]:
    return {
        "corpora": [c.model_copy(update={"path": "/elsewhere"}) for c in spec.corpora],
        "model": spec.model.model_copy(update={"name": "other", "config": None, "path": "/elsewhere"}),
        "micro_batch_size": 1,
        "checkpoint_path": "/c",
        "export_path": "/e",
        "rungs": (256,),
    }


def test_where_a_trial_runs_does_not_change_its_id(make_spec: Callable[..., TrialSpec]) -> None:
    spec = make_spec()
    assert make_spec(**moved(spec)).id == spec.id


@pytest.mark.parametrize(
    "change",
    [
        {"seed": 4},
        {"learning_rate": 1e-4},
        {"mixture": {"general": 0.5, "code": 0.5}},
        {"precision": "bf16"},
        {"evaluate_at": (256,)},
    ],
)
def test_what_decides_the_losses_changes_the_id(make_spec: Callable[..., TrialSpec], change: dict[str, object]) -> None:
    assert make_spec(**change).id != make_spec().id


def test_other_content_under_the_same_path_changes_the_id(make_spec: Callable[..., TrialSpec]) -> None:
    spec = make_spec()
    corpora = [c.model_copy(update={"fingerprint": "new"}) for c in spec.corpora]
    assert make_spec(corpora=corpora).id != spec.id


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"adam_betas": (0.9, 1.0)}, "adam_betas.1"),
        ({"evaluate_at": (-64,)}, "evaluate_at.0"),
        ({"method": "lora", "lora": {"r": 4, "alpha": 8.0, "dropout": 1.0}}, "lora.dropout"),
    ],
)
def test_numbers_with_which_nothing_could_be_learnt_or_measured_are_refused(
    make_spec: Callable[..., TrialSpec], change: dict[str, object], field: str
) -> None:
    with pytest.raises(ValidationError) as refused:
        make_spec(**change)
    assert [".".join(map(str, error["loc"])) for error in refused.value.errors()] == [field]


def test_a_message_comes_back_from_json_as_its_own_kind() -> None:
    message = Progress(tokens=1, train_loss=2.0, learning_rate=0.1, grad_norm=1.0, tokens_per_second=5.0)
    assert MESSAGE.validate_json(message.model_dump_json()) == message
    failure = Failure(cause="diverged", reason="x", tokens=1, repeatable=True)
    assert MESSAGE.validate_json(failure.model_dump_json()) == failure
