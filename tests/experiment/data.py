"""A whole experiment as a dictionary, to change one thing of."""

import copy
from typing import Any

_WHOLE: dict[str, Any] = {
    "name": "small",
    "corpora": {"general": {"source": "builtin:docs"}, "code": {"source": "builtin:code"}},
    "target": "code",
    "base_models": ["builtin:tiny-s", "builtin:tiny-m"],
    "search": {
        "space": {
            "method": {"choices": ["full", "qlora"]},
            "learning_rate": {
                "full": {"low": 1e-4, "high": 1e-2, "log": True},
                "qlora": {"low": 3e-4, "high": 3e-2, "log": True},
            },
            "lora_r": {"choices": [4, 8, 16], "when": {"method": ["lora", "qlora"]}},
            "domain_ratio": {"low": 0.1, "high": 0.9},
        },
        "trials": 12,
        "max_tokens": "80k",
    },
    "law": {"domain_ratio": [0.0, 0.1, 0.33, 0.67, 1.0], "max_tokens": "160k"},
    "constraint": {"corpus": "general", "max_increase": 0.03},
    "confirm": {"tokens": "240k"},
    "evaluation": {"share": 0.7},
}


def whole(**changes: Any) -> dict[str, Any]:
    """The experiment with values at dotted paths (`search__trials=3`) set; `...` takes a field out."""
    data = copy.deepcopy(_WHOLE)
    for path, value in changes.items():
        *above, last = path.split("__")
        place = data
        for part in above:
            place = place.setdefault(part, {})
        if value is ...:
            del place[last]
        else:
            place[last] = value
    return data
