from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from tests.trainers.tiny import LENGTH, run
from trainers.models import build
from trainers.packed import PackedCorpus
from trainers.spec import ModelRef, TrialSpec
from trainers.windows import read_windows

Make = Callable[..., TrialSpec]


def reloaded(spec: TrialSpec, folder: Path) -> list[float]:
    """Losses of an exported model, by a trial that only measures."""
    measure = spec.model_copy(
        update={
            "model": ModelRef(name="exported", path=str(folder), fingerprint="e"),
            "method": "full",
            "lora": None,
            "max_tokens": 0,
            "evaluate_at": (),
            "export_path": None,
        }
    )
    return run(measure)[1].curve()[0][1]


@pytest.mark.parametrize("method", ["full", "lora"])
def test_an_exported_model_measures_as_the_trained_one(make_spec: Make, tmp_path: Path, method: str) -> None:
    spec = make_spec(method=method, learning_rate=1e-2, export_path=str(tmp_path / "out"))
    _, driver = run(spec)
    assert reloaded(spec, tmp_path / "out") == pytest.approx(driver.curve()[-1][1], abs=1e-4)
    assert driver.curve()[-1][1] != pytest.approx(driver.curve()[0][1], abs=1e-3)
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_qlora_merges_into_the_dense_base(make_spec: Make, tmp_path: Path) -> None:
    import transformers

    spec = make_spec(method="qlora", learning_rate=1e-2, export_path=str(tmp_path / "out"))
    run(spec)
    merged = transformers.AutoModelForCausalLM.from_pretrained(tmp_path / "out")
    base = transformers.AutoModelForCausalLM.from_pretrained(spec.model.path)
    assert {p.dtype for p in merged.parameters()} == {torch.float32}
    change = merged.model.layers[0].mlp.up_proj.weight - base.model.layers[0].mlp.up_proj.weight
    # The difference is the adapter alone, of rank 4; merging into 4-bit weights would leave rounding of full rank.
    assert torch.linalg.matrix_rank(change.detach(), atol=1e-5) == 4
    assert torch.equal(merged.model.embed_tokens.weight, base.model.embed_tokens.weight)


def test_the_tokeniser_goes_with_the_model_and_an_older_export_is_replaced(make_spec: Make, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "old.txt").touch()
    run(make_spec(method="lora", export_path=str(tmp_path / "out")))
    names = {p.name for p in (tmp_path / "out").iterdir()}
    assert {"tokenizer.json", "config.json", "model.safetensors"} <= names
    assert "old.txt" not in names


def test_a_stopped_trial_exports_nothing(make_spec: Make, tmp_path: Path) -> None:
    run(make_spec(export_path=str(tmp_path / "out")), {4 * 4 * LENGTH: "stop"})
    assert not list(tmp_path.iterdir())


def test_a_model_that_was_exported_can_be_trained_on(make_spec: Make, tmp_path: Path) -> None:
    spec = make_spec(export_path=str(tmp_path / "out"))
    run(spec)
    model = ModelRef(name="exported", path=str(tmp_path / "out"), fingerprint="e")
    built = build(make_spec(model=model), torch.device("cpu"))
    windows = read_windows([(PackedCorpus(spec.corpora[0].path)["valid"], 0)], LENGTH, document_mask=False)
    assert built.nll(windows).shape == (1, LENGTH)
