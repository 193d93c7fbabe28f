import ast

from sweeper.corpora.builtin_code import bare_code, documents, identity


def test_comments_and_docstrings_go_and_strings_stay() -> None:
    source = '''#!/usr/bin/env python
"""Module."""
import os  # for os

def f(x):
    """Doc."""
    # why
    return "# no comment" + \'\'\'a
# nor this\'\'\'


class Empty(Exception):
    r"""Only
    a docstring."""

def g(): "doc"; return 1
'''
    expected = """import os

def f(x):

    return "# no comment" + '''a
# nor this'''

class Empty(Exception):
    pass

def g(): return 1
"""
    assert bare_code(source) == expected


def test_a_module_of_comments_only_is_nothing() -> None:
    assert bare_code('"""Doc."""\n# comment\n') == ""


def test_standard_modules_stay_valid_python_without_docstrings() -> None:
    found = list(documents(300_000))
    total = sum(document.size for document in found)
    assert total - found[-1].size < 300_000 <= total
    for document in found:
        tree = ast.parse(document.text)
        assert ast.get_docstring(tree) is None or document.text.startswith("(")
        assert not any(ast.get_docstring(n) for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.ClassDef))


def test_its_identity_follows_the_cap() -> None:
    assert identity(10) == identity(10) != identity(11)
