from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.trainers.counting import write_counting
from tests.trainers.tiny import LENGTH, VOCABULARY, run
from trainers.messages import Failure, Finished
from trainers.spec import CorpusRef, TrialSpec
from trainers.tokens.packed import PackedSplit, write_meta, write_split

Make = Callable[..., TrialSpec]


def corpus(folder: Path, tokens: dict[str, int], vocabulary: int | None) -> CorpusRef:
    """The counting corpus, with one token of each split replaced."""
    ref = write_counting(folder, vocabulary)
    for split in ("train", "valid", "test"):
        stream = np.load(folder / f"{split}.tokens.npy")
        table = np.load(folder / f"{split}.documents.npy")
        stream[LENGTH + 3] = tokens.get(split, 1)
        documents = [(stream[first : first + size], 24) for first, size, _ in table]
        write_split(folder, split, documents, np.uint16)
    return ref


@pytest.mark.parametrize("split", ["train", "valid"])
@pytest.mark.parametrize("vocabulary", [None, VOCABULARY + 9])
def test_a_token_that_the_model_does_not_know_is_refused_before_training(
    make_spec: Make, tmp_path: Path, split: str, vocabulary: int | None
) -> None:
    ref = corpus(tmp_path / "foreign", {split: VOCABULARY + 3}, vocabulary)
    end, driver = run(make_spec(corpora=(ref,), mixture={"counting": 1.0}, max_tokens=40 * LENGTH, evaluate_at=()))
    assert isinstance(end, Failure)
    assert (end.cause, end.repeatable) == ("bad_spec", True)
    assert f"corpus counting: it holds the token {VOCABULARY + 3}, but the model knows {VOCABULARY}" in end.reason
    assert not driver.messages


def test_a_tokeniser_that_knows_more_than_its_text_shows_is_no_obstacle(make_spec: Make, tmp_path: Path) -> None:
    ref = corpus(tmp_path / "wide", {"test": VOCABULARY + 3}, VOCABULARY + 9)  # the test split is not measured
    end, _ = run(make_spec(corpora=(ref,), mixture={"counting": 1.0}, max_tokens=40 * LENGTH, evaluate_at=()))
    assert isinstance(end, Finished)


def test_a_corpus_that_says_it_fits_is_not_read(
    make_spec: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ref = write_counting(tmp_path / "fits", VOCABULARY)
    read: list[int] = []
    window = PackedSplit.window

    def noted(split: PackedSplit, block: int, length: int) -> NDArray[np.int64]:
        read.append(block)
        return window(split, block, length)

    monkeypatch.setattr(PackedSplit, "window", noted)
    options = {"corpora": (ref,), "mixture": {"counting": 1.0}, "max_tokens": 0, "evaluate_at": ()}
    run(make_spec(**options))
    blocks = len(read)
    write_meta(tmp_path / "fits", {})
    run(make_spec(**options))
    assert len(read) == 3 * blocks  # the second trial looked at them, then measured them
