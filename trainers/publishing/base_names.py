"""What a base model may be called where this machine's folders mean nothing."""

import re
from pathlib import Path
from typing import Any

from trainers.spec import ModelRef

UNKNOWN_LICENCE = "unknown"
"""One of the values that the Hugging Face hub knows."""
_LICENCE_FIELDS = ("license", "license_name", "license_link")
_OWNER_MODEL = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")


def hub_name(model: ModelRef) -> str | None:
    """OWNER/MODEL where the model is called so and this is not just where it lies."""
    if model.path is None or not _OWNER_MODEL.fullmatch(model.name):
        return None
    parts, name = Path(model.path).parts, tuple(model.name.split("/"))
    if f"models--{name[0]}--{name[1]}" in parts:  # a snapshot in the hub's cache
        return model.name
    return None if parts[-2:] == name else model.name


def label(model: ModelRef) -> str:
    """The hub's name, a built-in one, or the last part of a folder's path."""
    return hub_name(model) or Path(model.name).name


def card_metadata(folder: Path) -> dict[str, Any]:
    """The front matter of a model folder's README.md; empty where there is none."""
    import yaml

    card = folder / "README.md"
    if not card.is_file():
        return {}
    found = re.match(r"\s*---\s*\n(.*?)\n---\s*(\n|$)", card.read_text(encoding="utf-8", errors="replace"), re.DOTALL)
    try:
        data = yaml.safe_load(found.group(1)) if found else None
    except yaml.YAMLError:
        return {}  # somebody else's card: nothing is known from it
    return data if isinstance(data, dict) else {}


def licence(model: ModelRef) -> dict[str, str]:
    """By the base model's own card; what is trained from it inherits its terms.

    Returns:
        The card's fields `license` (always) and, of a licence of its own, `license_name` and `license_link`.
    """
    stated = {} if model.path is None else card_metadata(Path(model.path))
    found = {key: stated[key] for key in _LICENCE_FIELDS if isinstance(stated.get(key), str) and stated[key]}
    return found if "license" in found else {"license": UNKNOWN_LICENCE}
