import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer

from sweeper.corpora.pieces import SPLITTERS, may_cut, parted_tokens, pieces
from sweeper.corpora.piecewise import PieceByPiece
from tests.corpora.byte_tokenizer import END
from tests.corpora.word_tokenizer import GPT2, TEXTS, byte_level, sequence, split_by, word_tokenizer_text

NFC = json.dumps({"type": "NFC"})
DIGITS = {"type": "Digits", "individual_digits": True}
KNOWN = {
    "GPT-2": (GPT2, None),
    "GPT-NeoX": (GPT2, NFC),
    "SmolLM": (json.dumps(sequence(DIGITS, byte_level())), None),
    **{
        f"expression {i}": (json.dumps(sequence(split_by(pattern), byte_level(use_regex=False))), NFC)
        for i, pattern in enumerate(sorted(SPLITTERS))
    },
}
ADDED = ("<|user|>", "   ", END)
"""One that cuts would part, one of white space as GPT-NeoX has."""
PARTS = [
    *("a", "Z", "we're", "'s", "'S", "'", "don't", "word", "self", "7", "1234", "é", "e\u0301", "Σ", "中文", "🙂", "½"),
    *(" ", "  ", "    ", "\n", "\r\n", "\t", "\x0b", "\x1c", "\x85", "\xa0", "\u2003", "\u3000", "\u180e", "\u200b"),
    *(".", ",", "...", "(", ")", "/", "_", "=", "<", "\u0338", "\u0301", "\x00", "\x7f", "“", "—", "<|", "|>", *ADDED),
]
texts = st.lists(st.sampled_from(PARTS) | st.characters(exclude_categories=["Cs"]), max_size=30).map("".join)


@pytest.mark.parametrize("name", KNOWN)
@settings(deadline=None, max_examples=150)
@given(texts)
def test_a_text_has_the_tokens_of_its_pieces(name: str, text: str) -> None:
    tokenizer = Tokenizer.from_str(word_tokenizer_text(*KNOWN[name], added=ADDED))
    content = json.loads(tokenizer.to_str())
    assert may_cut(content)

    def encode(texts: Any) -> list[list[int]]:
        return [found.ids for found in tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)]

    by_piece = PieceByPiece(encode, "H", parted_tokens(content))
    (whole,) = encode([text])
    (found,) = by_piece.stored([text])
    assert memoryview(found).cast("H").tolist() == whole
    assert by_piece.stored([text]) == [found]  # from memory


@given(texts)
def test_pieces_make_the_text_and_end_where_the_rule_says(text: str) -> None:
    found = pieces(text)
    assert "".join(found) == text

    def cut(left: str, right: str) -> bool:
        alone = left.isascii() and left.isalnum() and right.isascii() and not right.isalnum() and right != "'"
        return alone or (right == " " and not left.isspace())

    expected = [i for i in range(1, len(text)) if cut(text[i - 1], text[i])]
    ends = {len("".join(found[:i])) for i in range(1, len(found))} - {0, len(text)}
    assert sorted(ends) == expected


def test_ordinary_text_falls_into_words() -> None:
    assert pieces("Don't stop (at 1.5 km)!\n  go") == ["Don't", " stop", " (at", " 1", ".5", " km", ")!\n  go", ""]


@pytest.mark.parametrize(
    "change",
    [
        {"pre_tokenizer": None},
        {"pre_tokenizer": byte_level(use_regex=False)},
        {"pre_tokenizer": byte_level(add_prefix_space=True)},
        {"pre_tokenizer": sequence(byte_level(use_regex=False), split_by(sorted(SPLITTERS)[0]))},
        {"pre_tokenizer": sequence(split_by(r"\s+"), byte_level(use_regex=False))},
        {"pre_tokenizer": split_by(sorted(SPLITTERS)[0]) | {"behavior": "MergedWithNext"}},
        {"pre_tokenizer": {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "first", "split": False}},
        {"normalizer": {"type": "Prepend", "prepend": "▁"}},
        {"normalizer": {"type": "NFKC"}},
        {"model": {"type": "BPE", "dropout": 0.1}},
        {"model": {"type": "Unigram"}},
    ],
)
def test_tokenisers_that_are_not_known_to_keep_the_rule_are_not_cut(change: dict[str, Any]) -> None:
    content = json.loads(word_tokenizer_text(GPT2))
    assert may_cut(content)
    assert not may_cut(content | change)


def test_added_tokens_that_a_cut_would_part_are_told_and_others_are_not() -> None:
    content = json.loads(word_tokenizer_text(GPT2, added=ADDED))
    assert parted_tokens(content) == [END, "<|user|>"]
    content["added_tokens"][-1]["rstrip"] = True
    assert len(parted_tokens(content)) == 3
    # The text in which such a token is looked for would be another one than the text that is cut.
    content["added_tokens"][0]["normalized"] = True
    assert may_cut(content)
    assert not may_cut(content | {"normalizer": {"type": "NFC"}})


def test_the_words_of_the_tests_do_get_merged() -> None:
    tokenizer = Tokenizer.from_str(word_tokenizer_text(GPT2))
    assert len(tokenizer.encode(TEXTS[0]).ids) < len(TEXTS[0]) / 2
