from pathlib import Path

import pytest

from sweeper.bases import builtin_tokenizer as module
from sweeper.bases.builtin_tokenizer import INDENTATION, builtin_tokenizer, ensure_builtin_tokenizer, train_tokenizer
from sweeper.bases.ladder import END_OF_TEXT_ID, VOCABULARY
from sweeper.corpora import builtin_docs
from sweeper.corpora.split import split_of, text_digest
from sweeper.corpora.tokenizer import TokenizerRef, load_encoder

TEXTS = [f"The {w} of a model is measured on text number {i}." for i in range(40) for w in ("loss", "size", "price")]


def train(folder: Path) -> Path:
    train_tokenizer(iter([*TEXTS, *INDENTATION]), folder)
    return folder


def test_the_same_text_gives_the_same_bytes(tmp_path: Path) -> None:
    a, b = train(tmp_path / "a"), train(tmp_path / "b")
    assert (a / "tokenizer.json").read_bytes() == (b / "tokenizer.json").read_bytes()


def test_every_text_comes_back_and_indentation_is_not_single_spaces(tmp_path: Path) -> None:
    from tokenizers import Tokenizer

    encoder = load_encoder(TokenizerRef(str(train(tmp_path / "a")), "x"))
    assert encoder.end == END_OF_TEXT_ID
    tokenizer = Tokenizer.from_file(str(tmp_path / "a" / "tokenizer.json"))
    text = "Größe: 3 µm\n        return  x\t\n 漢字"
    (tokens,) = encoder.encode([text])
    assert tokenizer.decode(tokens) == text
    assert len(encoder.encode(["\n            x"])[0]) <= 3


def test_transformers_reads_the_same_tokens(tmp_path: Path) -> None:
    from transformers import AutoTokenizer

    ref = TokenizerRef(str(train(tmp_path / "a")), "x")
    theirs = AutoTokenizer.from_pretrained(ref.path)
    text = "The loss of a model,\n    measured  twice."
    assert theirs(text, add_special_tokens=False)["input_ids"] == load_encoder(ref).encode([text])[0]
    assert theirs.eos_token_id == END_OF_TEXT_ID


def test_its_place_is_known_before_it_is_trained_and_it_is_trained_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_training_texts", lambda on_progress: iter(TEXTS))
    before = builtin_tokenizer(tmp_path)
    assert not Path(before.path).exists()
    assert ensure_builtin_tokenizer(tmp_path) == before
    monkeypatch.setattr(module, "train_tokenizer", None)
    assert ensure_builtin_tokenizer(tmp_path) == before
    assert load_encoder(before).vocabulary <= VOCABULARY


def test_held_out_documents_take_no_part(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(builtin_docs, "DEFAULT_BYTES", 300_000)
    used = list(module._training_texts(None))
    everything = [document.text for document in builtin_docs.documents(300_000)]
    held_out = [text for text in everything if split_of(text_digest(text), 0.02, 0.02) != "train"]
    assert held_out
    assert used == [text for text in everything if text not in held_out] + INDENTATION
