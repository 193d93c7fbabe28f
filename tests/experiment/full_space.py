"""An experiment that uses every field of the space."""

from typing import Any

from tests.experiment.data import whole


def full_space(**changes: Any) -> dict[str, Any]:
    """The experiment with values at dotted paths of its space (`mixture__law=0.1`) set; `...` takes a field out."""
    data = whole()
    data["corpora"] |= {"law": {"source": "law.txt"}, "books": {"source": "books.txt"}}
    data["search"]["space"] = {
        "method": ["full", "lora", "qlora"],
        "base_model": {"choices": ["builtin:tiny-s", "builtin:tiny-m"]},
        "learning_rate": {
            "full": {"low": 1e-4, "high": 1e-2},
            "lora": {"choices": [1e-3, 1e-2]},
            "qlora": {"low": 1e-3, "high": 5e-3, "log": False, "step": 1e-3},
        },
        "lora_r": {"low": 4, "high": 64, "log": True, "when": {"method": ["lora", "qlora"]}},
        "lora_alpha_ratio": {"low": 1.0, "high": 4.0, "step": 0.5},
        "lora_target_modules": {"choices": ["all-linear", ["q_proj", "v_proj"]], "when": {"method": "qlora"}},
        "mixture": {"general": {"low": 0.2}, "code": {"low": 0.1, "high": 0.7}, "law": {"high": 0.3}, "books": 0.05},
        "lr_scheduler_type": ["constant", "wsd"],
        "warmup_ratio": {"low": 0.0, "high": 0.2},
        "global_batch_size": {"choices": [4, 8, 16]},
        "weight_decay": {"low": 0.01, "high": 0.3, "log": True, "when": {"lr_scheduler_type": ["wsd"]}},
    }
    data["search"]["enqueue"] = [
        {"method": "full", "learning_rate": 1e-3, "base_model": "builtin:tiny-m"},
        {"mixture": {"general": 0.5, "code": 0.3, "law": 0.15, "books": 0.05}},
    ]
    for path, value in changes.items():
        *above, last = path.split("__")
        place = data["search"]["space"]
        for part in above:
            place = place[part]
        if value is ...:
            del place[last]
        else:
            place[last] = value
    return data
