import json
import os
from pathlib import Path

import pytest

from sweeper.bases.errors import BaseModelError
from sweeper.bases.resolve import prepare_tokenizer, resolve_base
from tests.bases.checkpoint import SHAPES, save_checkpoint, save_weights


def test_a_folder_is_resolved_with_its_tokeniser_and_sizes(tmp_path: Path) -> None:
    folder = save_checkpoint(tmp_path / "model")
    base = resolve_base(str(folder), tmp_path / "cache")
    assert (base.path, base.builtin, base.params, base.params_non_embedding) == (folder, False, 108, 28)
    assert base.ref.path == base.tokenizer.path == str(folder)
    assert prepare_tokenizer(base, tmp_path / "cache") == base.tokenizer


def test_the_fingerprint_follows_weights_and_configuration_but_not_the_place(tmp_path: Path) -> None:
    plain, copy, tuned, other = (save_checkpoint(tmp_path / name) for name in "abcd")
    save_weights(tuned / "model.safetensors", SHAPES, fill=b"\1")
    (other / "config.json").write_text((other / "config.json").read_text().replace("}", ', "rope_theta": 1}'))
    a, b, c, d = (resolve_base(str(f), tmp_path / "cache").fingerprint for f in (plain, copy, tuned, other))
    assert a == b
    assert len({a, c, d}) == 3


def test_large_weights_are_hashed_once(tmp_path: Path) -> None:
    folder = save_checkpoint(tmp_path / "model")
    weights = folder / "model.safetensors"
    os.utime(weights, ns=(10**18, 10**18))
    first = resolve_base(str(folder), tmp_path / "cache").fingerprint
    save_weights(weights, SHAPES, fill=b"\1")
    os.utime(weights, ns=(10**18, 10**18))  # same size and time: only reading would tell
    assert resolve_base(str(folder), tmp_path / "cache").fingerprint == first


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"model_type": "lama"}, "model_type 'lama'.*does not know"),
        ({"model_type": None}, "model_type None"),
        ({"architectures": ["LlamaForSequenceClassification"]}, "no causal language model.*SequenceClassification"),
        ({"architectures": None}, r"no causal language model: its architectures are \[\]"),
    ],
)
def test_what_is_no_causal_language_model_is_refused(tmp_path: Path, config: dict[str, object], message: str) -> None:
    folder = save_checkpoint(tmp_path / "model", **config)
    with pytest.raises(BaseModelError, match=message):
        resolve_base(str(folder), tmp_path / "cache")


def test_older_names_of_causal_models_are_known(tmp_path: Path) -> None:
    folder = save_checkpoint(tmp_path / "model", model_type="gpt2", architectures=["GPT2LMHeadModel"])
    assert resolve_base(str(folder), tmp_path / "cache").path == folder


@pytest.mark.parametrize(
    ("file", "message"),
    [
        ("config.json", "has no config.json"),
        ("model.safetensors", r"lacks its weights: no \*\.safetensors"),
        ("tokenizer.json", "has no tokeniser"),
    ],
)
def test_a_folder_that_lacks_a_part_says_which(tmp_path: Path, file: str, message: str) -> None:
    folder = save_checkpoint(tmp_path / "model")
    (folder / file).unlink()
    with pytest.raises(BaseModelError, match=message):
        resolve_base(str(folder), tmp_path / "cache")


def test_a_configuration_that_is_not_json_is_named(tmp_path: Path) -> None:
    folder = save_checkpoint(tmp_path / "model")
    (folder / "config.json").write_text("{")
    with pytest.raises(BaseModelError, match=r"config\.json is not JSON"):
        resolve_base(str(folder), tmp_path / "cache")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("builtin:huge", "no 'builtin:huge'; built in are builtin:tiny-s, builtin:tiny-m, builtin:tiny-l"),
        ("./gone", "no folder ./gone"),
        ("a/b/c", "neither a folder nor a name of the form OWNER/MODEL"),
    ],
)
def test_a_name_that_stands_for_nothing_is_refused(tmp_path: Path, name: str, message: str) -> None:
    with pytest.raises(BaseModelError, match=message):
        resolve_base(name, tmp_path)


def test_built_in_models_need_nothing_on_disk(tmp_path: Path) -> None:
    base = resolve_base("builtin:tiny-s", tmp_path)
    assert (base.builtin, base.ref.path) == (True, None)
    assert base.ref.config is not None
    assert json.loads(json.dumps(base.ref.config)) == base.config
    assert list(tmp_path.iterdir()) == []
