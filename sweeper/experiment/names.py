"""What was probably meant by a name that is not known."""

import difflib
from collections.abc import Collection


def nearest(name: str, known: Collection[str]) -> str | None:
    """The known name most like `name`, by difflib's ratio, or None where none is like it."""
    found = difflib.get_close_matches(name.lower(), [k.lower() for k in known], n=1, cutoff=0.6)
    return next((k for k in known if found and k.lower() == found[0]), None)


def suggestion(name: str, known: Collection[str]) -> str:
    """The nearest known name as a question, or all of them where none is near."""
    near = nearest(name, known)
    return f"did you mean {near!r}?" if near else f"known: {', '.join(known)}"
