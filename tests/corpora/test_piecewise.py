from collections.abc import Sequence

import pytest

from sweeper.corpora import piecewise
from sweeper.corpora.piecewise import LONGEST, PieceByPiece


class Recorder:
    """Encodes characters as their numbers and notes what it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def __call__(self, texts: Sequence[str]) -> list[list[int]]:
        self.asked += texts
        return [[ord(c) for c in text] for text in texts]


def decoded(stored: list[bytes]) -> list[str]:
    return ["".join(chr(token) for token in memoryview(tokens).cast("H")) for tokens in stored]


def test_a_piece_is_encoded_once() -> None:
    encode = Recorder()
    by_piece = PieceByPiece(encode, "H", ())
    assert decoded(by_piece.stored(["one two one", "two"])) == ["one two one", "two"]
    assert decoded(by_piece.stored(["one two"])) == ["one two"]
    assert sorted(filter(None, encode.asked)) == [" one", " two", "one", "two"]


def test_long_pieces_are_not_remembered() -> None:
    encode = Recorder()
    by_piece = PieceByPiece(encode, "H", ())
    long = "x" * (LONGEST + 1)
    for _ in range(2):
        assert decoded(by_piece.stored([f"{long} y"])) == [f"{long} y"]
    assert encode.asked.count(long) == 2
    assert encode.asked.count(" y") == 1


def test_memory_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(piecewise, "MEMORY", 10)
    by_piece = PieceByPiece(Recorder(), "H", ())
    for i in range(100):
        text = f"a{i} b{i} c{i}"
        assert decoded(by_piece.stored([text])) == [text]
        assert len(by_piece._known) <= 10 + 4


def test_a_text_with_an_added_token_is_encoded_whole() -> None:
    encode = Recorder()
    texts = ["see <|end|> there", "see <|other|> there"]
    assert decoded(PieceByPiece(encode, "H", ("<|end|>",)).stored(texts)) == texts
    assert texts[0] in encode.asked
    assert texts[1] not in encode.asked
