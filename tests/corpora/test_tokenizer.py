import json
from pathlib import Path

import numpy as np
import pytest

from sweeper.corpora.errors import CorpusError
from sweeper.corpora.hashes import FileHashes
from sweeper.corpora.tokenizer import Encoder, TokenizerRef, fingerprint_tokenizer, load_encoder
from tests.corpora.byte_tokenizer import END, save_byte_tokenizer


def test_documents_are_closed_by_the_end_of_text_token(tokenizer: TokenizerRef) -> None:
    encoder = load_encoder(tokenizer)
    assert (encoder.end, encoder.end_text, encoder.vocabulary) == (0, END, 257)
    (tokens,) = encoder.documents().arrays(["aé"])
    assert len(tokens) == 4
    assert tokens[-1] == 0 not in tokens[:-1]


@pytest.mark.parametrize(("vocabulary", "dtype"), [(1 << 16, np.uint16), ((1 << 16) + 1, np.uint32)])
def test_tokens_take_the_narrowest_type_that_holds_them(vocabulary: int, dtype: type) -> None:
    assert Encoder(lambda texts: [], vocabulary, 0, END).dtype is dtype


def test_truncation_and_padding_stored_with_a_tokeniser_are_not_applied(tmp_path: Path) -> None:
    from tokenizers import Tokenizer

    save_byte_tokenizer(tmp_path)
    stored = Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    stored.enable_truncation(3)
    stored.enable_padding(length=8)
    stored.save(str(tmp_path / "tokenizer.json"))
    assert [len(t) for t in load_encoder(TokenizerRef(str(tmp_path), "x")).encode(["abcde", "a"])] == [5, 1]


def test_the_end_of_text_token_may_come_from_the_model_configuration(tmp_path: Path) -> None:
    save_byte_tokenizer(tmp_path, eos_token=None)
    (tmp_path / "config.json").write_text(json.dumps({"eos_token_id": [5, 7]}))
    assert load_encoder(TokenizerRef(str(tmp_path), "x")).end == 5


def test_a_tokeniser_without_end_of_text_is_refused_with_the_remedy(tmp_path: Path) -> None:
    save_byte_tokenizer(tmp_path, eos_token=None)
    with pytest.raises(CorpusError, match=r'names no end-of-text token.*set "eos_token"'):
        load_encoder(TokenizerRef(str(tmp_path), "x"))


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=f"no folder {tmp_path}/gone"):
        load_encoder(TokenizerRef(f"{tmp_path}/gone", "x"))


def test_the_fingerprint_follows_the_content_and_not_the_place(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        save_byte_tokenizer(tmp_path / name, **({"x": 1} if name == "c" else {}))
    a, b, c = (fingerprint_tokenizer(tmp_path / name, FileHashes(tmp_path)) for name in ("a", "b", "c"))
    assert a == b != c
    assert fingerprint_tokenizer(tmp_path, FileHashes(tmp_path)) is None
