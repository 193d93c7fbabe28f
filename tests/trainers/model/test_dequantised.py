from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.trainers.tiny import run
from trainers.errors import TrainerError
from trainers.model.dequantised import write_dequantised
from trainers.spec import ModelRef, TrialSpec

Make = Callable[..., TrialSpec]


@pytest.fixture(scope="module")
def copy(make_spec: Make, tmp_path_factory: pytest.TempPathFactory) -> ModelRef:
    folder = tmp_path_factory.mktemp("nf4") / "copy"
    write_dequantised(make_spec(method="qlora"), folder)
    return ModelRef(name="copy", path=str(folder), fingerprint="n")


def _losses(spec: TrialSpec) -> list[float]:
    _, driver = run(spec)
    return [loss for _, losses in driver.curve() for loss in losses]


def test_the_copy_loses_what_qlora_loses_before_training(make_spec: Make, copy: ModelRef) -> None:
    measured = {"max_tokens": 0, "evaluate_at": (), "mixture": {}}
    qlora = _losses(make_spec(method="qlora", **measured))
    original = _losses(make_spec(method="lora", **measured))
    assert _losses(make_spec(model=copy, **measured)) == pytest.approx(qlora, abs=2e-6)
    assert max(abs(a - b) for a, b in zip(qlora, original, strict=True)) > 1e-4


def test_lora_on_the_copy_learns_as_qlora_does(make_spec: Make, copy: ModelRef) -> None:
    settings: dict[str, Any] = {"learning_rate": 1e-2}
    qlora = _losses(make_spec(method="qlora", **settings))
    assert _losses(make_spec(method="lora", model=copy, **settings)) == pytest.approx(qlora, abs=2e-5)
    untrained = _losses(make_spec(method="qlora", learning_rate=1e-12))
    assert max(abs(a - b) for a, b in zip(qlora, untrained, strict=True)) > 1e-2


def test_only_the_layers_that_qlora_quantises_differ(checkpoint_folder: Path, copy: ModelRef) -> None:
    from safetensors.torch import load_file

    assert copy.path is not None
    before = load_file(checkpoint_folder / "model.safetensors")
    after = load_file(Path(copy.path) / "model.safetensors")
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed == {name for name in before if "_proj." in name}
    assert {tensor.dtype for tensor in after.values()} == {torch.float32}
    assert len(torch.unique(after["model.layers.0.mlp.up_proj.weight"].flatten()[:64])) <= 16  # one block, 16 levels


def test_the_tokeniser_comes_along(copy: ModelRef) -> None:
    assert copy.path is not None
    assert (Path(copy.path) / "tokenizer.json").read_text() == "{}"


@pytest.mark.parametrize("method", ["full", "lora"])
def test_a_method_that_quantises_nothing_is_refused(make_spec: Make, tmp_path: Path, method: str) -> None:
    with pytest.raises(TrainerError, match=f"{method}.*quantises nothing; give a qlora spec"):
        write_dequantised(make_spec(method=method), tmp_path / "copy")
    assert list(tmp_path.iterdir()) == []
