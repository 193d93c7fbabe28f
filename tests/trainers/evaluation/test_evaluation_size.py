from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.trainers.tiny import LENGTH
from tests.trial_records import spec as tiny_spec
from trainers.evaluation.evaluation_size import evaluation_size
from trainers.spec import TrialSpec
from trainers.timetable import Timetable

Make = Callable[..., TrialSpec]
STEP = 4 * LENGTH


def size_of(spec: TrialSpec) -> tuple[int, int]:
    size = evaluation_size(spec, Timetable.of(spec))
    return size.blocks, size.scored_tokens


def test_all_points_corpora_and_splits_share_the_budget(make_spec: Make) -> None:
    # 100 steps of 64 tokens; 10 % are 640 tokens, 40 blocks. Two points on two corpora, the second on two splits: six.
    spec = make_spec(
        max_tokens=100 * STEP, evaluate_at=(STEP,), evaluation_share=0.1, evaluation_splits=("valid", "test")
    )
    assert size_of(spec) == (6, 6 * 6 * LENGTH)
    assert evaluation_size(spec, Timetable.of(spec)).share == pytest.approx(576 / 6400)


def test_no_more_than_evaluation_tokens_are_scored(make_spec: Make) -> None:
    spec = make_spec(max_tokens=10**6, evaluate_at=(), evaluation_share=0.5, evaluation_tokens=7 * LENGTH + 3)
    assert size_of(spec) == (7, 14 * LENGTH)


def test_a_block_is_scored_however_small_the_share(make_spec: Make) -> None:
    spec = make_spec(evaluation_share=1e-6)
    assert size_of(spec) == (1, 6 * LENGTH)
    remark = evaluation_size(spec, Timetable.of(spec)).remark(spec)
    assert remark is not None
    assert "16 tokens of each corpus in place of 256 (evaluation_tokens), which is 12.5%" in remark
    assert "more than evaluation_share allows" in remark


@pytest.mark.parametrize("changes", [{"max_tokens": 0, "evaluate_at": ()}, {"evaluation_share": None}])
def test_a_base_model_and_an_unbounded_trial_score_all_that_is_asked(make_spec: Make, changes: dict[str, int]) -> None:
    spec = make_spec(**{"evaluation_share": 0.01} | changes)
    assert size_of(spec)[0] == 16
    assert evaluation_size(spec, Timetable.of(spec)).remark(spec) is None


def test_a_remark_names_both_sizes_and_the_share(make_spec: Make) -> None:
    spec = make_spec(max_tokens=100 * STEP, evaluate_at=(), evaluation_share=0.05)
    assert evaluation_size(spec, Timetable.of(spec)).remark(spec) == (
        "evaluations score 160 tokens of each corpus in place of 256 (evaluation_tokens), which is 5.0% of the "
        "training tokens: evaluation_share is 0.05"
    )


@given(
    tokens=st.integers(1, 10**6),
    points=st.lists(st.floats(0, 1), max_size=4),
    share=st.floats(1e-4, 1.0),
    splits=st.sampled_from([("valid",), ("valid", "test"), ("test",)]),
)
def test_the_bound_holds_unless_blocks_are_single(
    tokens: int, points: list[float], share: float, splits: tuple[str, ...]
) -> None:
    spec = tiny_spec(
        model={"name": "m", "path": "x", "fingerprint": "m"},
        max_tokens=tokens,
        evaluate_at=tuple(int(p * tokens) for p in points),
        evaluation_share=share,
        evaluation_splits=splits,
    )
    blocks, scored = size_of(spec)
    assert blocks == 1 or scored <= share * tokens
