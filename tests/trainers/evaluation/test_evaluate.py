import logging
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.trainers.tiny import LENGTH, run, write_corpus
from trainers.evaluation.evaluate import Evaluator, corpus_loss, evaluation_blocks
from trainers.messages import CorpusLoss, Failure, Finished
from trainers.model.models import build
from trainers.spec import CorpusRef, TrialSpec
from trainers.statistics import bootstrap_stderr
from trainers.tokens.packed import PackedCorpus, PackedSplit
from trainers.tokens.windows import Windows
from trainers.workers.ranks import Ranks

CPU = torch.device("cpu")
ALONE = Ranks(0, 1, CPU)
Make = Callable[..., TrialSpec]


@given(st.integers(1, 500), st.integers(1, 64), st.integers(1, 5000))
def test_blocks_are_distinct_even_and_within_the_tokens_asked(n_blocks: int, length: int, max_tokens: int) -> None:
    blocks = evaluation_blocks(n_blocks, length, max_tokens)
    assert len(blocks) == min(n_blocks, max(1, max_tokens // length))
    assert 0 <= blocks[0] <= blocks[-1] < n_blocks
    gaps = np.diff([0, *blocks, n_blocks])
    assert len(blocks) < 2 or np.diff(blocks).min() >= 1
    # Even to a factor: nowhere more than four times the mean distance is left out.
    assert gaps.max() <= 4 * n_blocks / len(blocks)


@given(st.integers(1, 500), st.integers(1, 600), st.integers(1, 600))
def test_a_smaller_evaluation_scores_a_part_of_a_larger_one(n_blocks: int, few: int, many: int) -> None:
    smaller, larger = (set(evaluation_blocks(n_blocks, 10, 10 * n)) for n in sorted((few, many)))
    assert smaller <= larger


def test_blocks_follow_their_numbers_read_backwards() -> None:
    # Of 16: 0000, 1000, 0100, 1100; of 6 the order is 0, 4, 2, (6), 1, 5, 3.
    assert list(evaluation_blocks(16, 10, 49)) == [0, 4, 8, 12]
    assert [list(evaluation_blocks(6, 10, 10 * n)) for n in range(1, 7)] == [
        [0], [0, 4], [0, 2, 4], [0, 1, 2, 4], [0, 1, 2, 4, 5], [0, 1, 2, 3, 4, 5],
    ]  # fmt: skip


def measured(spec: TrialSpec, batch_size: int, max_tokens: int = 256) -> tuple[CorpusLoss, ...]:
    corpora = {ref.name: PackedCorpus(ref.path) for ref in spec.corpora}
    return Evaluator(corpora, LENGTH, max_tokens, batch_size, ALONE).measure(build(spec, CPU), ("valid",))


@pytest.mark.parametrize("method", ["full", "qlora"])
def test_loss_does_not_depend_on_the_batch_size(make_spec: Make, method: str) -> None:
    spec = make_spec(method=method)
    one, seven = measured(spec, 1), measured(spec, 7)
    assert [x.loss for x in seven] == pytest.approx([x.loss for x in one], rel=1e-6)
    assert [d.document for x in seven for d in x.documents] == [d.document for x in one for d in x.documents]


def test_loss_is_that_of_transformers_on_every_window(make_spec: Make) -> None:
    spec = make_spec(method="lora")
    model = build(spec, CPU)
    split = PackedCorpus(spec.corpora[0].path)["valid"]
    blocks = evaluation_blocks(split.n_blocks(LENGTH), LENGTH, 256)
    model.evaluate()
    with torch.no_grad():
        # The library shifts labels itself, so it scores the same 16 targets of a window of 17 tokens.
        windows = [torch.from_numpy(split.window(int(b), LENGTH))[None] for b in blocks]
        theirs = [model.module(input_ids=w, labels=w).loss.item() for w in windows]
    assert measured(spec, 4)[0].loss == pytest.approx(np.mean(theirs), abs=1e-5)


def test_documents_add_up_to_the_corpus(make_spec: Make) -> None:
    for loss in measured(make_spec(), 8):
        assert sum(d.nll for d in loss.documents) == pytest.approx(loss.nll)
        assert sum(d.tokens for d in loss.documents) == loss.tokens == 256


def split_of(documents: list[tuple[int, int]]) -> PackedSplit:
    lengths = np.array([length for length, _ in documents])
    starts = np.concatenate([[0], np.cumsum(lengths)[:-1]])
    table = np.stack([starts, lengths, [size for _, size in documents]], axis=1).astype(np.int64)
    return PackedSplit(tokens=np.zeros(int(lengths.sum()), np.uint16), documents=table)


def test_a_document_scored_in_part_counts_bytes_in_proportion() -> None:
    # Targets of block 1 of length 4 are positions 5 to 8: three tokens of the second document, one of the third.
    split = split_of([(5, 50), (3, 33), (4, 80)])
    nll = np.array([[1.0, 2.0, 3.0, 10.0]], dtype=np.float32)
    loss = corpus_loss("x", "valid", split, np.array([1]), nll)
    assert [(d.document, d.nll, d.tokens) for d in loss.documents] == [(1, 6.0, 3), (2, 10.0, 1)]
    assert (loss.nll, loss.tokens, loss.bytes) == (16.0, 4, 33 + 80 / 4)


def test_unequal_blocks_weigh_by_their_tokens_and_not_by_their_batch() -> None:
    # Three blocks in batches of two: a mean of batch means would be (mean(1, 1) + 7) / 2 = 4.
    split = split_of([(13, 60)])
    nll = np.repeat(np.array([[1.0], [1.0], [7.0]], dtype=np.float32), 4, axis=1)
    assert corpus_loss("x", "valid", split, np.arange(3), nll).loss == 3.0


def test_unequal_batches_do_not_pull_the_loss(make_spec: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = make_spec(corpora=make_spec().corpora[:1], mixture={"general": 1.0})
    model = build(spec, CPU)
    calls: list[int] = []

    def pretend(self: Any, windows: Windows) -> torch.Tensor:
        calls.append(len(windows.tokens))
        return torch.full((len(windows.tokens), LENGTH), 7.0 if len(calls) == 2 else 1.0)

    monkeypatch.setattr(type(model), "nll", pretend)
    corpora = {ref.name: PackedCorpus(ref.path) for ref in spec.corpora}
    (loss,) = Evaluator(corpora, LENGTH, 3 * LENGTH, 2, ALONE).measure(model, ("valid",))
    assert calls == [2, 1]
    assert loss.loss == 3.0


def test_a_small_split_is_used_whole(make_spec: Make) -> None:
    spec = make_spec()
    n_blocks = PackedCorpus(spec.corpora[1].path)["valid"].n_blocks(LENGTH)
    assert measured(spec, 8, max_tokens=10**6)[1].tokens == n_blocks * LENGTH


def test_a_split_without_a_whole_block_is_refused_before_training(make_spec: Make, tmp_path: Path) -> None:
    write_corpus(tmp_path / "small", 3, {"train": 400, "valid": LENGTH, "test": 0})
    small = CorpusRef(name="small", path=str(tmp_path / "small"), fingerprint="s")
    end, driver = run(make_spec(corpora=[small], mixture={"small": 1.0}))
    assert isinstance(end, Failure)
    assert end.cause == "bad_spec"
    assert "corpus small: its valid split has 16 tokens, too small for one block of max_seq_length 16" in end.reason
    assert not driver.messages


@pytest.mark.parametrize(("n_blocks", "size", "batch"), [(7, 2, 2), (1, 3, 4), (5, 3, 1), (6, 3, 4)])
def test_every_rank_goes_through_the_model_equally_often(
    make_spec: Make, monkeypatch: pytest.MonkeyPatch, n_blocks: int, size: int, batch: int
) -> None:
    spec = make_spec(corpora=make_spec().corpora[:1], mixture={"general": 1.0})
    corpora = {ref.name: PackedCorpus(ref.path) for ref in spec.corpora}
    model, calls = build(spec, CPU), 0
    plain = type(model).nll

    def counted(self: Any, windows: Windows) -> torch.Tensor:
        nonlocal calls
        calls += 1
        return plain(self, windows)

    monkeypatch.setattr(type(model), "nll", counted)
    parts, passes = [], []
    for rank in range(size):
        ranks, calls = Ranks(rank, size, CPU), 0
        monkeypatch.setattr(Ranks, "sum_", lambda self, tensor: tensor)
        evaluator = Evaluator(corpora, LENGTH, n_blocks * LENGTH, batch, ranks)
        parts.append(evaluator.measure(model, ("valid",))[0])
        passes.append(calls)
    (whole,) = Evaluator(corpora, LENGTH, n_blocks * LENGTH, batch, ALONE).measure(model, ("valid",))
    assert passes == [math.ceil(math.ceil(n_blocks / size) / batch)] * size
    assert sum(part.nll for part in parts) == pytest.approx(whole.nll, rel=1e-6)


def test_the_error_stored_is_that_of_the_documents(make_spec: Make) -> None:
    for loss in measured(make_spec(), 8):
        expected = bootstrap_stderr([d.nll for d in loss.documents], [d.tokens for d in loss.documents])
        assert loss.stderr == expected
        assert expected is not None and 0 < expected < 0.5


def test_a_corpus_outside_the_mixture_is_evaluated_and_needs_no_training_text(make_spec: Make, tmp_path: Path) -> None:
    whole = make_spec()
    packed = write_corpus(tmp_path / "second set", 5, {"valid": 200})
    second = CorpusRef(name="code, recent", path=str(packed), fingerprint="s")
    end, driver = run(make_spec(corpora=[*whole.corpora, second]))
    assert isinstance(end, Finished)
    _, without = run(whole)
    assert [[x.corpus for x in m.losses] for m in driver.measurements] == [["general", "code", "code, recent"]] * 3
    assert [losses[:2] for _, losses in driver.curve()] == [losses for _, losses in without.curve()]
    assert driver.measurements[-1].unique_tokens["code, recent"] == 0


def test_a_mixture_of_text_that_is_not_there_is_refused(make_spec: Make, tmp_path: Path) -> None:
    packed = write_corpus(tmp_path / "held out only", 5, {"valid": 200})
    held_out = CorpusRef(name="x", path=str(packed), fingerprint="s")
    end, _ = run(make_spec(corpora=[held_out], mixture={"x": 1.0}))
    assert isinstance(end, Failure)
    assert (end.cause, "has no train split" in end.reason) == ("bad_spec", True)


@pytest.mark.parametrize("method", ["full", "qlora"])
def test_a_trial_begins_at_what_the_base_model_measures(make_spec: Make, method: str) -> None:
    _, base = run(make_spec(role="base", method=method, max_tokens=0, evaluate_at=(), mixture={}))
    _, trial = run(make_spec(method=method, evaluate_at=(0,)))
    assert trial.measurements[0].tokens == 0
    assert trial.measurements[0].losses == base.measurements[0].losses


def test_evaluations_cost_what_they_may_and_say_so(make_spec: Make, caplog: pytest.LogCaptureFixture) -> None:
    asked = {"max_tokens": 40 * 4 * LENGTH, "evaluation_share": 0.1}
    with caplog.at_level(logging.INFO, "trainers"):
        end, driver = run(make_spec(**asked))
    # 10 % of 160 blocks, over three points on two corpora: two blocks each.
    assert [[x.tokens for x in m.losses] for m in driver.measurements] == [[2 * LENGTH] * 2] * 3
    assert isinstance(end, Finished)
    assert (end.evaluated_tokens, end.evaluated_share) == (12 * LENGTH, 12 / 160)
    assert "evaluations score 32 tokens of each corpus in place of 256" in caplog.text


def test_without_training_evaluations_have_no_share(make_spec: Make) -> None:
    end, _ = run(make_spec(max_tokens=0, evaluate_at=(), mixture={}))
    assert isinstance(end, Finished)
    assert (end.evaluated_tokens, end.evaluated_share) == (512, None)
