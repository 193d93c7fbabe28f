"""`hf:NAME[:CONFIG]`: data sets of the Hugging Face hub, or folders that `datasets` reads."""

from collections.abc import Iterator
from typing import Any

from sweeper.corpora.documents import Item, document_or_bad
from sweeper.corpora.errors import CorpusError

HUB_SPLITS = {"source": "train", "valid": "validation", "test": "test"}
"""The data set's split that is read for each field of a corpus."""


def documents(name: str, field: str, text_field: str) -> Iterator[Item]:
    """The rows of one split in order.

    Raises:
        CorpusError: the data set cannot be loaded or lacks the column.
    """
    table = _load(name, HUB_SPLITS[field])
    if text_field not in table.column_names:
        raise CorpusError(f"text_field: {name} has no column {text_field!r}; it has {', '.join(table.column_names)}")
    file = f"{name}[{HUB_SPLITS[field]}]"
    for number, text in enumerate(table[text_field], start=1):
        yield document_or_bad(text, file, number, 0)


def content_of(name: str, field: str) -> str:
    """The fingerprint that `datasets` gives the loaded split; loads it, which can take long."""
    return str(_load(name, HUB_SPLITS[field])._fingerprint)


def _load(name: str, split: str) -> Any:
    import datasets

    path, _, config = name.removeprefix("hf:").partition(":")
    try:
        return datasets.load_dataset(path, config or None, split=split)
    except Exception as error:  # of `datasets`, Arrow or the HTTP library below; all mean: no data set
        raise CorpusError(
            f"source: {name} (split {split}) cannot be loaded: {type(error).__name__}: {error}. Check the name and the "
            "network; where there is none, load it once on a machine that has one and copy the Hugging Face cache "
            "(HF_HOME), or give a local jsonl or parquet file"
        ) from error
