import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

import trainers.publishing.export
from tests.trainers.tiny import CONFIG, LENGTH, run
from trainers.messages import Failure, Finished
from trainers.model.models import build
from trainers.publishing.export import export_type
from trainers.publishing.whole_model import save_weights
from trainers.spec import ModelRef, TrialSpec
from trainers.tokens.packed import PackedCorpus
from trainers.tokens.windows import read_windows

Make = Callable[..., TrialSpec]
BESIDE = {"r": 4, "alpha": 8.0, "train_embeddings": True, "train_norms": True}


@pytest.fixture
def base(checkpoint_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The saved model, in a folder that a test may add files to."""
    return Path(shutil.copytree(checkpoint_folder, tmp_path_factory.mktemp("base") / "base"))


@pytest.fixture
def untied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import transformers

    folder = tmp_path_factory.mktemp("untied") / "untied"
    torch.manual_seed(7)
    options = {k: v for k, v in CONFIG.items() if k != "model_type"} | {
        "tie_word_embeddings": False,
        "attention_dropout": 0.1,
        "eos_token_id": None,
    }
    config = transformers.AutoConfig.for_model("llama", **options)
    transformers.AutoModelForCausalLM.from_config(config).save_pretrained(folder)
    (folder / "generation_config.json").unlink()
    return folder


def ref(path: Path) -> ModelRef:
    return ModelRef(name=str(path), path=str(path), fingerprint="t")


def finished(spec: TrialSpec) -> Finished:
    end, _ = run(spec)
    assert isinstance(end, Finished), end
    return end


def changes(end: Finished) -> list[float]:
    """Nats by which the saved model differs, by corpus."""
    assert end.exported is not None
    return [loss.exported - loss.trained for loss in end.exported.losses]


def logits(model: Any) -> torch.Tensor:
    model.eval()
    with torch.no_grad():
        values: torch.Tensor = model(torch.arange(20)[None]).logits
    return values.float()


def load(folder: Path) -> Any:
    import transformers

    return transformers.AutoModelForCausalLM.from_pretrained(folder, dtype="auto")


def reloaded(spec: TrialSpec, folder: Path) -> list[float]:
    """Losses of an exported model, by a trial that only measures."""
    measure = spec.model_copy(
        update={
            "model": ref(folder),
            "method": "full",
            "lora": None,
            "max_tokens": 0,
            "evaluate_at": (),
            "evaluation_tokens": LENGTH,
            "export_path": None,
        }
    )
    return run(measure)[1].curve()[0][1]


# Weights --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["full", "lora"])
def test_an_exported_model_measures_as_the_trained_one(make_spec: Make, tmp_path: Path, method: str) -> None:
    spec = make_spec(method=method, learning_rate=1e-2, export_path=str(tmp_path / "out"), evaluation_tokens=LENGTH)
    end, driver = run(spec)
    assert reloaded(spec, tmp_path / "out") == pytest.approx(driver.curve()[-1][1], abs=1e-4)
    assert driver.curve()[-1][1] != pytest.approx(driver.curve()[0][1], abs=1e-3)
    assert isinstance(end, Finished)
    assert changes(end) == pytest.approx([0, 0], abs=1e-4)
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize("method", ["full", "lora"])
@pytest.mark.parametrize(("precision", "asked", "saved"), [("fp32", "bf16", "bf16"), ("bf16", None, "bf16")])
def test_weights_are_saved_in_the_type_asked_for_or_computed_in(
    make_spec: Make, tmp_path: Path, method: str, precision: str, asked: str | None, saved: str
) -> None:
    spec = make_spec(
        method=method, precision=precision, export_dtype=asked, learning_rate=1e-2, export_path=str(tmp_path / "out")
    )
    end = finished(spec)
    assert end.exported is not None
    assert end.exported.dtype == export_type(spec) == saved
    model = load(tmp_path / "out")
    assert {p.dtype for p in model.parameters()} == {torch.bfloat16}
    assert json.loads((tmp_path / "out" / "config.json").read_text())["dtype"] == "bfloat16"
    assert changes(end) == pytest.approx([0, 0], abs=0.02)


def test_the_type_of_an_export_is_no_part_of_a_trials_identity(make_spec: Make) -> None:
    assert make_spec(export_dtype="bf16").id == make_spec().id


def test_merging_rounds_once(make_spec: Make, tmp_path: Path) -> None:
    spec = {"method": "lora", "learning_rate": 1e-2}
    finished(make_spec(**spec, export_path=str(tmp_path / "fp32")))
    finished(make_spec(**spec, export_path=str(tmp_path / "bf16"), export_dtype="bf16"))
    exact, rounded = load(tmp_path / "fp32").state_dict(), load(tmp_path / "bf16").state_dict()
    assert all(torch.equal(rounded[name], value.bfloat16()) for name, value in exact.items())


def test_qlora_merges_into_the_dense_base(make_spec: Make, tmp_path: Path) -> None:
    spec = make_spec(method="qlora", learning_rate=1e-2, export_path=str(tmp_path / "out"))
    end, driver = run(spec)
    assert spec.model.path is not None
    merged, base = load(tmp_path / "out"), load(Path(spec.model.path))
    assert {p.dtype for p in merged.parameters()} == {torch.float32}
    change = merged.model.layers[0].mlp.up_proj.weight - base.model.layers[0].mlp.up_proj.weight
    # The difference is the adapter alone, of rank 4; merging into 4-bit weights would leave rounding of full rank.
    assert torch.linalg.matrix_rank(change.detach(), atol=1e-5) == 4
    assert torch.equal(merged.model.embed_tokens.weight, base.model.embed_tokens.weight)
    # Both are told: as trained, through NF4, and as saved.
    assert isinstance(end, Finished)
    assert end.exported is not None
    assert [x.trained for x in end.exported.losses] == driver.curve()[-1][1]
    assert max(abs(change) for change in changes(end)) > 1e-3


@pytest.mark.parametrize("kind", ["tied", "untied"])
@pytest.mark.parametrize("beside", [False, True])
def test_an_adapter_folder_gives_the_merged_models_logits_on_the_base(
    make_spec: Make, base: Path, untied: Path, tmp_path: Path, kind: str, beside: bool
) -> None:
    import peft

    model = base if kind == "tied" else untied
    lora = BESIDE if beside else {"r": 4, "alpha": 8.0}
    spec = make_spec(model=ref(model), method="lora", lora=lora, learning_rate=1e-2, export_path=str(tmp_path / "out"))
    finished(spec)
    on_base = peft.PeftModel.from_pretrained(load(model), tmp_path / "out" / "adapter")
    merged = load(tmp_path / "out")
    torch.testing.assert_close(logits(on_base), logits(merged), rtol=1e-4, atol=1e-4)
    assert not torch.allclose(logits(on_base), logits(load(model)), atol=0.01)
    assert merged.config.tie_word_embeddings == (kind == "tied")


@pytest.mark.parametrize("tied", [True, False])
def test_full_weights_are_all_saved_whether_the_output_layer_is_tied_or_not(
    make_spec: Make, base: Path, untied: Path, tmp_path: Path, tied: bool
) -> None:
    from safetensors import safe_open

    model = base if tied else untied
    spec = make_spec(model=ref(model), learning_rate=1e-2, export_path=str(tmp_path / "out"))
    assert changes(finished(spec)) == pytest.approx([0, 0], abs=1e-5)
    with safe_open(tmp_path / "out" / "model.safetensors", "pt") as file:
        assert ("lm_head.weight" in set(file.keys())) == (not tied)


def test_a_model_that_was_exported_can_be_trained_on(make_spec: Make, tmp_path: Path) -> None:
    spec = make_spec(export_path=str(tmp_path / "out"))
    run(spec)
    built = build(make_spec(model=ref(tmp_path / "out")), torch.device("cpu"))
    windows = read_windows([(PackedCorpus(spec.corpora[0].path)["valid"], 0)], LENGTH, document_mask=False)
    assert built.nll(windows).shape == (1, LENGTH)


# What goes with them --------------------------------------------------------------------------------------------------


def test_tokeniser_chat_template_and_licence_go_with_the_model(make_spec: Make, base: Path, tmp_path: Path) -> None:
    (base / "tokenizer_config.json").write_text('{"chat_template": "{{ messages }}"}', encoding="utf-8")
    (base / "chat_template.jinja").write_text("{{ messages }}", encoding="utf-8")
    (base / "LICENSE").write_text("terms", encoding="utf-8")
    (base / "README.md").write_text("---\nlicense: apache-2.0\n---\n# Base\n", encoding="utf-8")
    finished(make_spec(model=ref(base), method="lora", export_path=str(tmp_path / "out")))
    for name in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja", "LICENSE"):
        assert (tmp_path / "out" / name).read_bytes() == (base / name).read_bytes()
    assert 'license: "apache-2.0"' in (tmp_path / "out" / "README.md").read_text(encoding="utf-8")


def test_the_bases_generation_settings_are_kept_even_where_the_library_would_refuse_them(
    make_spec: Make, base: Path, tmp_path: Path
) -> None:
    settings = '{"do_sample": false, "temperature": 0.6, "eos_token_id": [2, 5]}'
    (base / "generation_config.json").write_text(settings, encoding="utf-8")
    finished(make_spec(model=ref(base), method="lora", export_path=str(tmp_path / "out")))
    assert (tmp_path / "out" / "generation_config.json").read_text(encoding="utf-8") == settings


def test_generation_ends_where_documents_end_if_the_base_does_not_say(
    make_spec: Make, untied: Path, tmp_path: Path
) -> None:
    finished(make_spec(model=ref(untied), export_path=str(tmp_path / "out")))
    made = json.loads((tmp_path / "out" / "generation_config.json").read_text(encoding="utf-8"))
    assert made["eos_token_id"] == made["pad_token_id"] == 0


@pytest.mark.parametrize("method", ["full", "lora"])
def test_the_configuration_has_the_bases_dropout_again(
    make_spec: Make, untied: Path, tmp_path: Path, method: str
) -> None:
    finished(make_spec(model=ref(untied), method=method, export_path=str(tmp_path / "out")))
    assert json.loads((tmp_path / "out" / "config.json").read_text())["attention_dropout"] == 0.1


@pytest.mark.parametrize("method", ["full", "lora"])
def test_no_file_names_a_folder_of_this_machine(make_spec: Make, base: Path, tmp_path: Path, method: str) -> None:
    spec = make_spec(
        model=ref(base), method=method, export_path=str(tmp_path / "out"), checkpoint_path=str(tmp_path / "checkpoints")
    )
    finished(spec)
    places = [base.parent, tmp_path, Path(spec.corpora[0].path).parent]
    for file in (tmp_path / "out").rglob("*"):
        if file.suffix in (".json", ".md"):
            text = file.read_text(encoding="utf-8")
            assert not [place for place in places if str(place) in text], file


def test_the_trials_document_has_spec_and_measurements(make_spec: Make, tmp_path: Path) -> None:
    spec = make_spec(export_path=str(tmp_path / "out"))
    _, driver = run(spec)
    document = json.loads((tmp_path / "out" / "trial.json").read_text(encoding="utf-8"))
    assert document["trial"] == spec.id
    assert document["spec"]["learning_rate"] == spec.learning_rate
    assert [(m["tokens"], [x["loss"] for x in m["losses"]]) for m in document["measurements"]] == driver.curve()
    assert document["software"]["torch"] == torch.__version__


# All or nothing -------------------------------------------------------------------------------------------------------


def broken(*_: Any) -> None:
    raise OSError("disk full")


def test_an_earlier_export_is_replaced_by_a_whole_one_only(
    make_spec: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "config.json").write_text("{}", encoding="utf-8")
    (out / "old.txt").touch()
    spec = make_spec(method="lora", export_path=str(out))
    with monkeypatch.context() as patch:
        patch.setattr(trainers.publishing.export, "_describe", broken)  # the last thing that is written
        assert isinstance(run(spec)[0], Failure)
    assert {p.name for p in out.iterdir()} == {"config.json", "old.txt"}
    assert [p.name for p in tmp_path.iterdir()] == ["out"]
    finished(spec)
    assert "old.txt" not in {p.name for p in out.iterdir()}
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_a_folder_that_is_no_model_is_refused_before_training(make_spec: Make, tmp_path: Path) -> None:
    (tmp_path / "letters.txt").touch()
    end, driver = run(make_spec(export_path=str(tmp_path)))
    assert isinstance(end, Failure)
    assert end.cause == "bad_spec"
    assert "export_path" in end.reason
    assert not driver.messages
    assert (tmp_path / "letters.txt").exists()


def test_an_export_that_is_not_the_trained_model_is_refused_and_kept(
    make_spec: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forgetful(spec: TrialSpec, state: Any, *rest: Any) -> None:
        name = max(state, key=lambda n: state[n].numel())
        save_weights(spec, {**state, name: state[name] * 1.05}, *rest)

    monkeypatch.setattr(trainers.publishing.export, "save_weights", forgetful)
    end, _ = run(make_spec(learning_rate=1e-2, export_path=str(tmp_path / "out")))
    assert isinstance(end, Failure)
    assert "does not measure as the trained one" in end.reason
    assert [p.name for p in tmp_path.iterdir()] == ["out.refused"]
    assert (tmp_path / "out.refused" / "model.safetensors").is_file()


def test_a_parameter_that_is_missing_is_named(make_spec: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def forgetful(spec: TrialSpec, state: Any, *rest: Any) -> None:
        save_weights(spec, {name: value for name, value in state.items() if "layers.1.mlp.up_proj" not in name}, *rest)

    monkeypatch.setattr(trainers.publishing.export, "save_weights", forgetful)
    for method in ("full", "lora"):
        end, _ = run(make_spec(method=method, export_path=str(tmp_path / "out")))
        assert isinstance(end, Failure)
        assert "layers.1.mlp.up_proj" in end.reason


def test_a_stopped_trial_exports_nothing(make_spec: Make, tmp_path: Path) -> None:
    run(make_spec(export_path=str(tmp_path / "out")), {4 * 4 * LENGTH: "stop"})
    assert not list(tmp_path.iterdir())
