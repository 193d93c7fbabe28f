from pathlib import Path

import pytest

from sweeper.bases.errors import BaseModelError
from sweeper.bases.weights import count_parameters, is_whole, missing_weights
from tests.bases.checkpoint import SHAPES, save_weights


def test_parameters_are_counted_from_the_header_without_embeddings_beside(tmp_path: Path) -> None:
    save_weights(tmp_path / "model.safetensors", SHAPES)
    assert count_parameters(tmp_path) == (40 + 24 + 4 + 40, 28)


def test_shards_are_counted_together(tmp_path: Path) -> None:
    for i, (name, shape) in enumerate(SHAPES.items()):
        save_weights(tmp_path / f"model-{i}.safetensors", {name: shape})
    assert count_parameters(tmp_path) == (108, 28)


def test_other_weight_files_tell_nothing(tmp_path: Path) -> None:
    (tmp_path / "pytorch_model.bin").write_bytes(b"x")
    assert count_parameters(tmp_path) is None
    assert missing_weights(tmp_path) is None


@pytest.mark.parametrize("kept", [0, 5, 20, -1])
def test_a_file_cut_short_is_told(tmp_path: Path, kept: int) -> None:
    file = tmp_path / "model.safetensors"
    save_weights(file, SHAPES)
    assert is_whole(file)
    file.write_bytes(file.read_bytes()[:kept])
    assert not is_whole(file)
    with pytest.raises(BaseModelError, match=r"model\.safetensors is cut short"):
        count_parameters(tmp_path)


def test_a_shard_that_the_index_names_must_be_there(tmp_path: Path) -> None:
    save_weights(tmp_path / "a.safetensors", SHAPES)
    (tmp_path / "model.safetensors.index.json").write_text(
        '{"weight_map": {"x": "a.safetensors", "y": "b.safetensors"}}'
    )
    assert missing_weights(tmp_path) == "b.safetensors"
    (tmp_path / "b.safetensors").touch()
    assert missing_weights(tmp_path) is None


def test_real_files_are_read_as_their_library_writes_them(tmp_path: Path) -> None:
    import torch
    from safetensors.torch import save_file

    save_file({"model.embed_tokens.weight": torch.zeros(3, 2), "h": torch.zeros(5)}, tmp_path / "model.safetensors")
    assert is_whole(tmp_path / "model.safetensors")
    assert count_parameters(tmp_path) == (11, 5)
