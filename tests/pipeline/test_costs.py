import sys
from pathlib import Path
from typing import Any

import pytest

from sweeper.bases.ladder import ladder
from sweeper.pipeline.costs import Costs, find_costs
from tests.pipeline.made_up import experiment, inputs
from trainers.errors import TrainerError
from trainers.spec import TrialSpec

SMALL, TARGET = "builtin:tiny-s", "builtin:tiny-m"


def costs(folder: Path, **changes: Any) -> Costs:
    asked = experiment(**changes)
    return find_costs(asked, inputs(asked, folder), workers=1, gpu=False)


def matrices(base: str) -> int:
    """Numbers of a built-in model that take part in products: all but its norms."""
    config = ladder()[base]
    width, within, n = config["hidden_size"], config["intermediate_size"], config["num_hidden_layers"]
    narrow = width * config["num_key_value_heads"] // config["num_attention_heads"]
    layer = 2 * width * width + 2 * width * narrow + 3 * width * within
    return int(n * layer + config["vocab_size"] * width)


def attention(base: str, length: int) -> int:
    config = ladder()[base]
    return int(4 * config["num_hidden_layers"] * config["hidden_size"] * length)


def test_one_estimate_for_each_base_and_method_at_the_largest_rank(tmp_path: Path) -> None:
    kinds = costs(tmp_path, search__space__lora_r={"low": 4, "high": 32}).kinds
    assert [(kind.base, kind.method, kind.lora_r) for kind in kinds] == [
        (SMALL, "full", None), (SMALL, "qlora", 32), (TARGET, "full", None), (TARGET, "qlora", 32),
    ]  # fmt: skip
    peaks = {(kind.base, kind.method): kind.estimate.peak for kind in kinds if kind.estimate}
    assert peaks[TARGET, "full"] > peaks[SMALL, "full"]
    assert peaks[TARGET, "full"] > peaks[TARGET, "qlora"]


def test_operations_are_those_of_every_trial_with_the_dearest_method(tmp_path: Path) -> None:
    asked = experiment()
    found = find_costs(asked, inputs(asked, tmp_path), workers=1, gpu=False)
    length, corpora = asked.trainer.max_seq_length, len(asked.corpora)
    forward = 2 * matrices(TARGET) + attention(TARGET, length)
    blocks = asked.evaluation.max_tokens // length
    # Full training is the dearest: three times a forward pass. The confirming run is measured on the test part too.
    scored = (asked.law.evaluations + 1) * corpora * blocks * length
    steps = -(-asked.confirm.tokens // asked.trainer.tokens_per_step)
    assert found.flops["confirm"] == forward * (3 * steps * asked.trainer.tokens_per_step + scored)
    assert set(found.flops) == {"search", "compare", "learning rate", "law", "confirm"}
    assert found.total_flops == sum(found.flops.values())


def test_twice_the_trials_compute_twice_as_much(tmp_path: Path) -> None:
    once, twice = (costs(tmp_path, search__trials=n).flops for n in (12, 24))
    assert twice["search"] == 2 * once["search"]
    assert twice["law"] == once["law"]


def test_what_was_estimated_is_remembered_without_torchs_help(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = costs(tmp_path)
    monkeypatch.setitem(sys.modules, "trainers.estimate.estimate", None)  # to import it now fails
    assert costs(tmp_path) == first
    # Neither rates nor lengths of trials change what a step holds.
    assert costs(tmp_path, law__max_tokens="320k").kinds == first.kinds
    with pytest.raises(ImportError):
        costs(tmp_path, trainer__per_device_train_batch_size=2)


def test_what_cannot_be_told_is_said_and_nothing_is_added_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from trainers.estimate.estimate import estimate

    def refuse(spec: TrialSpec, workers: int, device: str) -> Any:
        if spec.method == "qlora":
            raise TrainerError("model: strange")
        return estimate(spec, workers, device)

    monkeypatch.setattr("trainers.estimate.estimate.estimate", refuse)
    found = costs(tmp_path)
    assert [kind.unknown for kind in found.kinds] == [None, "model: strange", None, "model: strange"]
    assert found.flops == {}
