import pytest

from sweeper.corpora.documents import BadDocument, BadDocuments, Document, Item, document_or_bad
from sweeper.corpora.errors import CorpusError


def items(good: int, bad: int) -> list[Item]:
    wrong: list[Item] = [BadDocument("f.jsonl", i + 1, "not JSON") for i in range(bad)]
    return [*wrong, *(Document(f"text {i}", 6, 0) for i in range(good))]


def test_one_percent_of_bad_documents_passes_and_is_counted() -> None:
    bad = BadDocuments()
    assert len(list(bad.good(iter(items(99, 1))))) == 99
    assert (bad.read, bad.count, [str(b) for b in bad.first]) == (100, 1, ["f.jsonl:1: not JSON"])


def test_more_than_one_percent_of_bad_documents_stops_and_shows_the_first_few() -> None:
    with pytest.raises(CorpusError, match=r"7 of the first 100 .*\n.*f.jsonl:1: not JSON(?s:.*)f.jsonl:5") as error:
        list(BadDocuments().good(iter(items(93, 7))))
    assert "f.jsonl:6" not in str(error.value)


def test_a_source_that_is_bad_from_the_start_stops_before_its_end() -> None:
    endless = (BadDocument("f", i, "no field 'text'") for i in range(10**9))
    with pytest.raises(CorpusError, match="500 of the first 500"):
        list(BadDocuments().good(endless))


@pytest.mark.parametrize(
    ("value", "reason"), [(3, "type int"), (None, "type NoneType"), (" \n", "empty"), ("a\ud800", "surrogate")]
)
def test_what_is_no_text_is_bad(value: object, reason: str) -> None:
    found = document_or_bad(value, "f", 1, 0)
    assert isinstance(found, BadDocument)
    assert reason in found.reason


def test_the_size_of_a_document_is_in_utf8_bytes() -> None:
    assert document_or_bad("é…a", "f", 1, 9) == Document("é…a", 6, 9)
