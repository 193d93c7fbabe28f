import json
from pathlib import Path

import pytest

from sweeper.corpora.documents import Document
from sweeper.corpora.errors import CorpusError
from sweeper.corpora.hashes import FileHashes
from sweeper.corpora.hub import documents
from sweeper.corpora.opening import identity


@pytest.fixture
def data_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A folder that `datasets` reads, with its cache out of the way."""
    import datasets.config

    for name in ("HF_DATASETS_CACHE", "HF_CACHE_HOME"):
        monkeypatch.setattr(datasets.config, name, tmp_path / "hf", raising=False)
    folder = tmp_path / "set"
    folder.mkdir()
    for split, texts in {"train": ["one", "two"], "validation": ["three"]}.items():
        (folder / f"{split}.jsonl").write_text("".join(json.dumps({"text": t}) + "\n" for t in texts))
    return f"hf:{folder}"


def test_rows_come_from_the_split_that_the_field_stands_for(data_set: str) -> None:
    def texts(field: str) -> list[str]:
        return [item.text for item in documents(data_set, field, "text") if isinstance(item, Document)]

    assert (texts("source"), texts("valid")) == (["one", "two"], ["three"])
    with pytest.raises(CorpusError, match=r"no column 'body'; it has text"):
        list(documents(data_set, "source", "body"))


def test_a_data_set_that_cannot_be_loaded_is_named_with_the_remedy(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(CorpusError, match=r"hf:.*empty \(split train\) cannot be loaded: .*HF_HOME"):
        list(documents(f"hf:{tmp_path}/empty", "source", "text"))


def test_a_data_set_once_loaded_is_known_without_loading_it(
    data_set: str, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashes = FileHashes(cache)
    first = identity(data_set, "source", None, hashes)
    hashes.save()
    monkeypatch.setattr("sweeper.corpora.hub.content_of", None)
    assert identity(data_set, "source", None, FileHashes(cache)) == first
