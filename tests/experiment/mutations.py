"""Experiment files as they come out of tired hands, cats on keyboards and broken scripts."""

import copy
from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

Path = tuple[str | int, ...]

NASTY: tuple[Any, ...] = (
    *(None, True, False, 0, 1, -1, 2, 0.5, 1.0, -0.5, 1e-300, 1e308, 10**30, 10**400, -(10**400), 2**63),
    *(float("nan"), float("inf"), float("-inf"), "", " ", "a", "full", "auto", "none", "0.5", "80k", "1e999", "-3M"),
    *(
        "9" * 5000 + "T",
        "1" + "0" * 400,
        "\u0000",
        "\ud7ff",
        "é\u202eñ",
        "💥" * 40,
        "x" * 10_000,
        "../../etc",
        "{}",
        "&a",
    ),
    *(
        [],
        {},
        [[]],
        [{}],
        {"": ""},
        {"low": 0},
        {"choices": []},
        {"choices": {}},
        {"name": "tpe"},
        {"when": {"method": 1}},
    ),
    *({"low": 1, "high": 1}, {"low": 0.1, "high": 0.9, "step": 1e-12}, {"low": "a", "high": []}, [None], [1, "a", 2.5]),
    *({1: 2}, {None: 1}, {"choices": [1, 1.0, True]}, {"choices": ["full", ["full"]]}, b"bytes", (1, 2), {1, 2}, 1j),
)


def paths(data: Any, above: Path = ()) -> list[Path]:
    """Every path of a file, containers included."""
    entries = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    return [found for key, value in entries for found in ((*above, key), *paths(value, (*above, key)))]


def at(data: Any, path: Path) -> Any:
    """What stands at a path."""
    for part in path:
        data = data[part]
    return data


@st.composite
def mutated(draw: st.DrawFn, whole: dict[str, Any]) -> dict[str, Any]:
    """A file's data with one to three things changed."""
    data = copy.deepcopy(whole)
    for _ in range(draw(st.integers(1, 3))):
        known = paths(data)
        if known:
            draw(st.sampled_from(CHANGES))(data, draw(st.sampled_from(known)), draw)
    return data


def _replace(data: Any, path: Path, draw: st.DrawFn) -> None:
    at(data, path[:-1])[path[-1]] = copy.deepcopy(draw(st.sampled_from(NASTY)))


def _delete(data: Any, path: Path, draw: st.DrawFn) -> None:
    del at(data, path[:-1])[path[-1]]


def _rename(data: Any, path: Path, draw: st.DrawFn) -> None:
    parent = at(data, path[:-1])
    if isinstance(parent, dict):
        key = str(path[-1])
        new = draw(st.sampled_from((key + "s", key[:-1], key.upper(), "high", "when", "choices", "", 7, None, "name")))
        parent[new] = parent.pop(path[-1])
    else:
        parent.append(parent[int(path[-1])])


def _swap(data: Any, path: Path, draw: st.DrawFn) -> None:
    other = draw(st.sampled_from(paths(data)))
    shorter = min(len(path), len(other))
    if path[:shorter] == other[:shorter]:
        return  # one holds the other
    first, second = at(data, path), at(data, other)
    at(data, path[:-1])[path[-1]], at(data, other[:-1])[other[-1]] = second, first


def _nest(data: Any, path: Path, draw: st.DrawFn) -> None:
    value = at(data, path)
    wrap: Callable[[Any], Any] = draw(
        st.sampled_from((lambda x: [x], lambda x: {"choices": x}, lambda x: {path[-1]: x}))
    )
    at(data, path[:-1])[path[-1]] = wrap(value)


def _scale(data: Any, path: Path, draw: st.DrawFn) -> None:
    value = at(data, path)
    if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 10**200:
        at(data, path[:-1])[path[-1]] = value * draw(st.sampled_from((-1, 0, 1e-9, 0.5, 3, 1e9, 10**20)))
    else:
        at(data, path[:-1])[path[-1]] = str(value)


def _lend(data: Any, path: Path, draw: st.DrawFn) -> None:
    """What stands somewhere, somewhere else too."""
    at(data, path[:-1])[path[-1]] = copy.deepcopy(at(data, draw(st.sampled_from(paths(data)))))


CHANGES = (_replace, _replace, _delete, _rename, _swap, _nest, _scale, _lend)
MARKS = (
    *(
        "{",
        "}",
        "[",
        "]",
        ":",
        ": ",
        ",",
        "-",
        "- ",
        "#",
        "'",
        '"',
        "|",
        ">",
        "\t",
        "\n",
        "\r",
        " ",
        "  ",
        "\u0000",
        "\u2028",
    ),
    *(
        "&a ",
        "*a",
        "<<: *a",
        "!!int ",
        "!!python/object:os.system ",
        "---\n",
        "...\n",
        "%YAML 9\n",
        "? ",
        "~",
        "é",
        "💥",
    ),
    *("\ufeff", "1e3", ".nan", "-.inf", "0x1F", "1:30", "yes", "=", "@", "`", "{{", "null", "!!binary x", "\x07", "\\"),
)


@st.composite
def misspelt(draw: st.DrawFn, text: str) -> str:
    """A file's text with one to four slips."""
    for _ in range(draw(st.integers(1, 4))):
        lines = text.split("\n")
        i = draw(st.integers(0, len(lines) - 1))
        j = draw(st.integers(0, len(lines[i])))
        slip = draw(st.integers(0, 7))
        if slip == 0:
            lines[i] = lines[i][:j] + draw(st.sampled_from(MARKS)) + lines[i][j:]
        elif slip == 1:
            lines[i] = lines[i][:j] + lines[i][j + 1 :]
        elif slip == 2:
            lines[i] = " " * draw(st.integers(0, 9)) + lines[i].lstrip()
        elif slip == 3:
            lines.pop(i)
        elif slip == 4:
            lines.insert(draw(st.integers(0, len(lines))), lines[i])
        elif slip == 5:
            lines = lines[: i + 1]
        elif slip == 6:
            lines[i] = lines[i][:j] + draw(st.text(max_size=5)) + lines[i][j:]
        else:
            k = draw(st.integers(0, len(lines) - 1))
            lines[i], lines[k] = lines[k], lines[i]
        text = "\n".join(lines)
    return text
