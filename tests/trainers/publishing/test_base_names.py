from pathlib import Path

import pytest

from trainers.publishing.base_names import card_metadata, hub_name, label, licence
from trainers.spec import ModelRef


def ref(name: str, path: str | Path | None) -> ModelRef:
    return ModelRef(name=name, path=None if path is None else str(path), fingerprint="f")


@pytest.mark.parametrize(
    ("name", "path", "hub", "called"),
    [
        ("Qwen/Qwen2-0.5B", "/c/models--Qwen--Qwen2-0.5B/snapshots/abc", "Qwen/Qwen2-0.5B", "Qwen/Qwen2-0.5B"),
        ("Qwen/Qwen2-0.5B", "/data/qwen", "Qwen/Qwen2-0.5B", "Qwen/Qwen2-0.5B"),
        ("models/mine", "models/mine", None, "mine"),  # a folder, called like a model of the hub
        ("models/mine", "/srv/models/mine", None, "mine"),
        ("/data/models/mine", "/data/models/mine", None, "mine"),
        ("builtin:tiny-s", "/cache/bases/0123/model", None, "builtin:tiny-s"),
        ("builtin:tiny-s", None, None, "builtin:tiny-s"),
    ],
)
def test_a_base_is_called_what_it_is_called_elsewhere(
    name: str, path: str | None, hub: str | None, called: str
) -> None:
    assert hub_name(ref(name, path)) == hub
    assert label(ref(name, path)) == called


@pytest.mark.parametrize(
    ("card", "found"),
    [
        ("---\nlicense: mit\ntags: [a]\n---\n# Model\n", {"license": "mit"}),
        (
            "---\nlicense: other\nlicense_name: llama3\nlicense_link: LICENSE\n---\n",
            {"license": "other", "license_name": "llama3", "license_link": "LICENSE"},
        ),
        ("# Model\nlicense: mit\n", {"license": "unknown"}),
        ("---\nlicense: [mit\n---\n", {"license": "unknown"}),
        ("---\nlicense:\n---\n", {"license": "unknown"}),
        (None, {"license": "unknown"}),
    ],
)
def test_the_licence_is_the_one_on_the_bases_card(card: str | None, found: dict[str, str], tmp_path: Path) -> None:
    if card is not None:
        (tmp_path / "README.md").write_text(card, encoding="utf-8")
    assert licence(ref("m", tmp_path)) == found


def test_a_card_without_front_matter_says_nothing(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("text\n---\nnot: this\n---\n", encoding="utf-8")
    assert card_metadata(tmp_path) == {}
