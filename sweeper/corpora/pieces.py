r"""Where a text may be cut so that its pieces have, one by one, the tokens that they have together.

A tokeniser first splits a text into words by a regular expression, then tokenises word by word. Most tokenisers of
today (byte-level BPE) split by one of the expressions below. Under all of them no word goes on

- from a character that is not white space to a space (U+0020), or
- from an ASCII letter or digit to any other ASCII character but the apostrophe ("don't" may be one word).

Words are found from left to right, looking ahead only over white space, which no cut parts from what follows it: so a
text cut at any of these places has the same words, and the same tokens.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

_AN = "A-Za-z0-9"
_AFTER_AN = r"\x00-&(-/:-@\[-`{-\x7f"
"""ASCII but for letters, digits and the apostrophe."""
_PIECE = re.compile(
    # The common ones, without going back: white space, signs, then letters and digits that a cut follows ...
    rf"\s*+[^\s{_AN}]*+[{_AN}]++(?=[{_AFTER_AN}])"
    # ... and white space and signs before a space.
    rf"|\s*+[^\s{_AN}]++(?=\x20)"
    # Any: characters that no cut follows, and the one that a cut follows (none at the end of the text).
    rf"|(?:\s++|[{_AN}](?![{_AFTER_AN}])|[^\s{_AN}](?!\x20))*+(?s:.)?",
)
pieces = _PIECE.findall
"""The pieces of a text in order, most of them a word or two; an empty one may be last."""

_CONTRACTION = "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
_SPACES = r"\s*[\r\n]+|\s+(?!\S)|\s+"
_CASED = (
    r"[^\r\n\p{{L}}\p{{N}}]?[\p{{Lu}}\p{{Lt}}\p{{Lm}}\p{{Lo}}\p{{M}}]*[\p{{Ll}}\p{{Lm}}\p{{Lo}}\p{{M}}]+{after}"
    r"|[^\r\n\p{{L}}\p{{N}}]?[\p{{Lu}}\p{{Lt}}\p{{Lm}}\p{{Lo}}\p{{M}}]+[\p{{Ll}}\p{{Lm}}\p{{Lo}}\p{{M}}]*{after}"
)
_SIGNS = r" ?[^\s\p{L}\p{N}]+"
SPLITTERS = frozenset(
    {
        rf"'s|'t|'re|'ve|'m|'ll|'d| ?\p{{L}}+| ?\p{{N}}+|{_SIGNS}|\s+(?!\S)|\s+",  # GPT-2
        rf"{_CONTRACTION}|[^\r\n\p{{L}}\p{{N}}]?\p{{L}}+|\p{{N}}{{1,3}}|{_SIGNS}[\r\n]*|{_SPACES}",  # Llama 3
        rf"{_CONTRACTION}|[^\r\n\p{{L}}\p{{N}}]?\p{{L}}+|\p{{N}}|{_SIGNS}[\r\n]*|{_SPACES}",  # Qwen 2 and 3
        rf"{_CONTRACTION}|[^\r\n\p{{L}}\p{{N}}]?[\p{{L}}\p{{M}}]+|\p{{N}}| ?[^\s\p{{L}}\p{{M}}\p{{N}}]+[\r\n]*"
        rf"|{_SPACES}",  # Qwen 3.5
        _CASED.format(after="") + rf"|\p{{N}}|{_SIGNS}[\r\n/]*|{_SPACES}",  # Mistral's Tekken
        _CASED.format(after=f"{_CONTRACTION}?") + rf"|\p{{N}}{{1,3}}|{_SIGNS}[\r\n/]*|{_SPACES}",  # GPT-4o
    }
)
"""The expressions for which the rule above was checked, part by part."""


def may_cut(settings: Mapping[str, Any]) -> bool:
    """Whether a tokeniser, given as the content of its tokenizer.json, keeps the rule of this module."""
    model, normalizer = settings["model"], settings.get("normalizer")
    # Under NFC no ASCII character joins the one before it. Other changes of the text are not looked into.
    unchanged = normalizer is None or normalizer == {"type": "NFC"}
    hidden = any(token["normalized"] for token in _parted(settings)) and normalizer is not None
    return model["type"] == "BPE" and not model.get("dropout") and unchanged and not hidden and _splits(settings)


def _splits(settings: Mapping[str, Any]) -> bool:
    """Whether the text is split by a known expression before anything rewrites its spaces."""
    known = False
    for step in _steps(settings.get("pre_tokenizer")):
        match step:
            case {"type": "ByteLevel", "add_prefix_space": False, "use_regex": splitting}:
                if not (known or splitting):
                    return False
                known = True
            case {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": False}:
                if pattern not in SPLITTERS:
                    return False
                known = True
            case {"type": "Digits"}:
                pass
            case _:
                return False
    return known


def _steps(pre_tokenizer: Mapping[str, Any] | None) -> Iterator[Mapping[str, Any]]:
    if pre_tokenizer is not None and pre_tokenizer["type"] == "Sequence":
        for step in pre_tokenizer["pretokenizers"]:
            yield from _steps(step)
    elif pre_tokenizer is not None:
        yield pre_tokenizer


def parted_tokens(settings: Mapping[str, Any]) -> list[str]:
    """Added tokens that a cut may part or hide: texts that contain one are not to be cut."""
    return [token["content"] for token in _parted(settings)]


def _parted(settings: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Tokens with a cut inside, and those that look at the text on their right or left."""
    return [
        token
        for token in settings.get("added_tokens") or []
        if token["rstrip"] or token["single_word"] or [p for p in pieces(token["content"]) if p] != [token["content"]]
    ]


def read_settings(text: str) -> Mapping[str, Any]:
    """The content of a tokenizer.json."""
    return dict(json.loads(text))
