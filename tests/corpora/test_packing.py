from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sweeper.corpora import packing
from sweeper.corpora.packing import Placed, pack
from sweeper.corpora.pool import TokenizerPool
from sweeper.corpora.tokenizer import TokenizerRef, load_encoder
from tests.corpora.byte_tokenizer import decode
from trainers.tokens.packed import PackedCorpus, Split, write_meta


def placed(split: Split, digest: int, text: str) -> Placed:
    return Placed(split, digest, text, len(text.encode()))


def unpack(folder: Path, split: Split, tokenizer: TokenizerRef) -> list[str]:
    packed = PackedCorpus(folder)[split]
    rows = [packed.tokens[start : start + n] for start, n, _ in packed.documents]
    assert all(row[-1] == 0 for row in rows)
    return [decode(tokenizer, row[:-1].tolist()) for row in rows]


def pack_all(documents: list[Placed], tokenizer: TokenizerRef, folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    packed = pack(documents, tokenizer, load_encoder(tokenizer), folder, TokenizerPool(1))
    write_meta(folder, {})
    for split, count in packed.items():
        mine = [d for d in documents if d.split == split]
        assert (count.documents, count.bytes) == (len(mine), sum(d.size for d in mine))
        assert count.tokens == count.bytes + count.documents  # one token a byte, and the end-of-text tokens


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["train", "valid", "test"]),
            st.integers(0, 2**64 - 1),
            # The test's tokeniser reads its special token where it stands in a text.
            st.text(st.characters(exclude_categories=["Cs"], exclude_characters="<"), min_size=1, max_size=60),
        ),
        max_size=12,
    )
)
def test_every_document_comes_back_whole_from_its_split(
    tokenizer: TokenizerRef, tmp_path: Path, rows: list[tuple[Split, int, str]]
) -> None:
    documents = [placed(*row) for row in rows]
    pack_all(documents, tokenizer, tmp_path / "packed")
    train = [d.text for d in documents if d.split == "train"]
    assert unpack(tmp_path / "packed", "train", tokenizer) == train
    for split in ("valid", "test"):
        held = sorted((d for d in documents if d.split == split), key=lambda d: d.digest)
        assert unpack(tmp_path / "packed", split, tokenizer) == [d.text for d in held]


def test_document_rows_hold_start_tokens_and_bytes(tokenizer: TokenizerRef, tmp_path: Path) -> None:
    pack_all([placed("train", 0, "ab"), placed("train", 0, "é")], tokenizer, tmp_path / "p")
    assert PackedCorpus(tmp_path / "p")["train"].documents.tolist() == [[0, 3, 2], [3, 3, 2]]


def test_documents_of_any_size_keep_their_order_over_batches(
    tokenizer: TokenizerRef, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packing, "BATCH_BYTES", 10)
    monkeypatch.setattr(packing, "BATCH_DOCUMENTS", 3)
    texts = ["a" * 11, "b", "c" * 10, "d", "e", "f", "g", "h"]
    pack_all([placed("train", 0, text) for text in texts], tokenizer, tmp_path / "p")
    assert unpack(tmp_path / "p", "train", tokenizer) == texts
