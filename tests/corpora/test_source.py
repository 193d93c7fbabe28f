import pytest

from sweeper.corpora.errors import CorpusError
from sweeper.corpora.source import CorpusSource


@pytest.mark.parametrize("fraction", [0.0, 0.5, -0.1])
def test_a_fraction_that_leaves_no_training_or_no_held_out_text_is_refused(fraction: float) -> None:
    with pytest.raises(CorpusError, match=f"valid_fraction: {fraction}"):
        CorpusSource("x.txt", valid_fraction=fraction)


@pytest.mark.parametrize("source", ["", (), ("a", "")])
def test_a_source_that_names_nothing_is_refused(source: str | tuple[str, ...]) -> None:
    with pytest.raises(CorpusError, match="names nothing"):
        CorpusSource(source)


def test_a_limit_of_no_bytes_is_refused() -> None:
    with pytest.raises(CorpusError, match="max_bytes: 0"):
        CorpusSource("x.txt", max_bytes=0)
