"""Numbers that no machine could train: refused by field, and never in the way of arithmetic."""

import pytest

from sweeper.experiment import ExperimentError, parse_experiment
from tests.experiment.data import whole


@pytest.mark.parametrize(
    "field",
    [
        *("law__max_tokens", "search__max_tokens", "confirm__tokens", "evaluation__max_tokens", "law__evaluations"),
        *("search__trials", "law__replicates", "seed", "trainer__max_seq_length"),
    ],
)
def test_a_number_beyond_reason_is_refused_by_its_field(field: str) -> None:
    with pytest.raises(ExperimentError) as refused:
        parse_experiment(whole(**{field: 10**400}))
    said = str(refused.value)
    assert f"experiment: {field.replace('__', '.')}: 1000" in said and "must be ≤" in said
