from pathlib import Path

import numpy as np
import pytest

from trainers.errors import TrainerError
from trainers.tokens.packed import PackedCorpus, write_meta, write_split

DOCUMENTS = [
    (np.array([5, 6, 0], np.uint16), 11),
    (np.array([7, 0], np.uint16), 4),
    (np.array([8, 9, 3, 0], np.uint16), 20),
]


def packed(folder: Path) -> PackedCorpus:
    write_split(folder, "train", DOCUMENTS, np.uint16)
    write_split(folder, "valid", [], np.uint16)
    write_meta(folder, {"name": "x"})
    return PackedCorpus(folder)


def test_documents_follow_one_another_with_their_bytes(tmp_path: Path) -> None:
    split = packed(tmp_path)["train"]
    assert list(split.tokens) == [5, 6, 0, 7, 0, 8, 9, 3, 0]
    assert split.documents.tolist() == [[0, 3, 11], [3, 2, 4], [5, 4, 20]]


def test_windows_overlap_by_one_token_and_the_tail_is_left(tmp_path: Path) -> None:
    split = packed(tmp_path)["train"]
    assert split.n_blocks(4) == 2
    assert split.n_blocks(5) == 1
    assert split.window(0, 4).tolist() == [5, 6, 0, 7, 0]
    assert split.window(1, 4).tolist() == [0, 8, 9, 3, 0]


def test_a_position_belongs_to_the_document_that_closes_after_it(tmp_path: Path) -> None:
    split = packed(tmp_path)["train"]
    assert split.document_of(np.arange(9)).tolist() == [0, 0, 0, 1, 1, 2, 2, 2, 2]


def test_an_empty_split_has_no_blocks(tmp_path: Path) -> None:
    assert packed(tmp_path)["valid"].n_blocks(4) == 0


def test_another_format_and_another_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(TrainerError, match=r"has no meta\.json"):
        PackedCorpus(tmp_path)
    write_meta(tmp_path, {})
    (tmp_path / "meta.json").write_text('{"version": 99}', encoding="utf-8")
    with pytest.raises(TrainerError, match="has format 99"):
        PackedCorpus(tmp_path)
