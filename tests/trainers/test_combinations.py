from collections.abc import Callable
from typing import Any

import pytest
from pydantic import ValidationError

from tests.trainers.tiny import CONFIG, LENGTH
from trainers.spec import TrialSpec

LORA = {"r": 4, "alpha": 8.0}
RANDOM = {"name": "m", "config": CONFIG, "fingerprint": "m"}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"method": "lora", "lora": None}, "lora: the method lora takes a lora section"),
        ({"lora": LORA}, "lora: the method full takes no lora section"),
        ({"model": {"name": "m", "fingerprint": "m"}}, "needs either path or config"),
        ({"method": "lora", "model": RANDOM}, "initialised at random"),
        ({"corpora": [{"name": "a", "path": "/a", "fingerprint": "a"}] * 2}, "corpora: a is there more than once"),
        ({"precision": "fp16"}, "fp16 overflows without loss scaling"),
        ({"schedule": {"type": "wsd", "warmup_ratio": 0.5, "decay_ratio": 0.6}}, "do not fit into max_tokens"),
        ({"schedule": {"type": "cosine", "decay_tokens": 64}}, "decay_tokens belongs to wsd"),
        ({"schedule": {"type": "cosine", "start_ratio": 0.1}}, "start_ratio 0.1 is where a warm-up begins"),
        ({"schedule": {"min_ratio": 0.1}}, "min_ratio 0.1 is where a decay ends"),
        ({"parallel": "fsdp", "optimizer": "adamw_8bit"}, "cannot keep its state for sharded parameters"),
        ({"branch_points": (64,), "schedule": {}}, "set branch_path"),
        ({"branch_points": (64,), "branch_path": "/b"}, "a cosine schedule decays from the start"),
        ({"branch_points": (13 * 4 * LENGTH,), "branch_path": "/b", "schedule": {}}, "lies behind max_tokens"),
        (
            {
                "branch_points": (6 * 4 * LENGTH + 1,),
                "branch_path": "/b",
                "schedule": {"type": "wsd", "decay_ratio": 0.5},
            },
            "the decay, which begins at 384, is under way",
        ),
    ],
)
def test_what_does_not_go_together_is_refused_when_the_spec_is_read(
    make_spec: Callable[..., TrialSpec], changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValidationError, match=message):
        make_spec(**changes)
