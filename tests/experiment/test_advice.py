from typing import Any

import pytest

from sweeper.experiment import parse_experiment, warnings
from tests.experiment.data import whole

SAID: list[tuple[dict[str, Any], str]] = [
    ({"law__domain_ratio": [0.2, 0.8]}, "law.domain_ratio: 2 ratios cannot show"),
    ({"law__replicates": 0}, "law.replicates: 0 leaves the noise between runs unknown"),
    ({"law__evaluations": 1}, "law.evaluations: 1 measures a trial at its end only"),
    ({"confirm__tokens": "321k"}, "confirm.tokens: 321k is more than twice law.max_tokens (160k)"),
    ({"constraint__max_increase": 3}, "constraint.max_increase: 3 allows a rise of 300 %; 3 % is written 0.03"),
    ({"search__space__method": "full"}, "search.space.learning_rate.qlora: not used"),
    ({"search__space__method": "full"}, "search.space.lora_r: not used"),
    (
        {"search__space__lora_alpha_ratio": 2.0, "search__space__method": "full"},
        "search.space.lora_alpha_ratio: not used",
    ),
    (
        {"search__space__lora_target_modules": {"choices": ["q_proj"], "when": {"method": "lora"}}},
        "search.space.lora_target_modules.when: no method of search.space.method has it",
    ),
    (
        {
            "search__space__domain_ratio": ...,
            "search__space__mixture": {"general": {}, "code": {"low": 0.1}},
            "corpora__books": "x.txt",
        },
        "search.space.mixture: leaves out 'books', which no trial trains on",
    ),
    ({"corpora__code": {"source": "x", "weight": 2}}, "corpora.code.weight: not used"),
    ({"search__trials": 5}, "search.startup_trials: 5 of 5 trials are random"),
    ({"law__max_tokens": 6000, "confirm__tokens": 6000}, "law.evaluations: 6 measurements of 6k tokens are closer"),
    ({"search__max_tokens": 4000}, "search.rungs: the first, 0.25 of search.max_tokens, is less than one step"),
]


@pytest.mark.parametrize(("changes", "said"), SAID, ids=[said[:40] for _, said in SAID])
def test_weak_spots_are_pointed_out(changes: dict[str, Any], said: str) -> None:
    assert any(warning.startswith(said) for warning in warnings(parse_experiment(whole(**changes))))


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"law__domain_ratio": [0.0, 0.5, 1.0]},
        {"confirm__tokens": "320k"},
        {"search__trials": 6},
        {"search__trials": 5, "search__sampler": "random"},
        {"search__max_tokens": 4000, "search__pruner": "none", "evaluation__max_tokens": 400},
        {"law__max_tokens": 6144, "confirm__tokens": 6144, "evaluation__max_tokens": 300},
    ],
)
def test_sound_experiments_are_left_alone(changes: dict[str, Any]) -> None:
    assert warnings(parse_experiment(whole(**changes))) == []
