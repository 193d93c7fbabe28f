import tomllib
from itertools import islice
from pathlib import Path

from sweeper.corpora import builtin_docs
from sweeper.corpora.builtin_docs import PACKAGES, documents, identity, prose

MODULE = '''# A licence comment.
"""The module says first what it is for, in a sentence that is long enough to be kept.

Too short to keep.
"""
def f(x):
    """Compute something of interest from its only argument, and return it to
    whoever has asked for it.

    Parameters
    ----------
    x : array_like
        The argument of the function, described here in a whole sentence of prose.

    >>> f(1)  # An example that is a line of code even though it is long enough.
    2

    The values are taken from table a[0], b[1], c[2], d[3], e[4] (f=5, g=6, h=7, i=8).
    """
    text = """This is a string in the code and not a docstring, however long it may well be."""
'''


def test_prose_is_the_sentences_of_docstrings_and_nothing_else() -> None:
    assert list(prose(MODULE)) == [
        "The module says first what it is for, in a sentence that is long enough to be kept.",
        "Compute something of interest from its only argument, and return it to whoever has asked for it.",
        "The argument of the function, described here in a whole sentence of prose.",
    ]


def test_only_core_dependencies_are_read() -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    core = {line.split("[")[0].split(">")[0] for line in project["dependencies"]}
    assert set(PACKAGES) <= core


def test_it_stops_at_the_cap_and_repeats_no_paragraph() -> None:
    found = list(documents(40_000))
    total = sum(document.size for document in found)
    assert total - found[-1].size < 40_000 <= total
    assert found[-1].position == total
    paragraphs = [line for document in found for line in document.text.split("\n")]
    assert len(set(paragraphs)) == len(paragraphs)


def test_the_same_text_comes_in_the_same_order_every_time() -> None:
    assert list(islice(documents(10**9), 5)) == list(islice(documents(10**9), 5))


def test_its_identity_follows_versions_and_cap() -> None:
    assert identity(10) == identity(10) != identity(11)
    assert ["numpy", builtin_docs.importlib.metadata.version("numpy")] in identity(10)[3]  # type: ignore[operator]
