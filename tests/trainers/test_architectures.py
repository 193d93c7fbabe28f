from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.trainers.architectures import ARCHITECTURES, save_random_model
from tests.trainers.counting import write_counting
from tests.trainers.tiny import LENGTH, run
from trainers.messages import Finished
from trainers.model.models import Model, build
from trainers.spec import CorpusRef, ModelRef, TrialSpec
from trainers.tokens.windows import Windows

CPU = torch.device("cpu")
Make = Callable[..., TrialSpec]
STEP = 4 * LENGTH


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A checkpoint of every architecture."""
    return {name: save_random_model(tmp_path_factory.mktemp(name), config) for name, config in ARCHITECTURES.items()}


@pytest.fixture(scope="module")
def counting(tmp_path_factory: pytest.TempPathFactory) -> CorpusRef:
    """What is learnt."""
    return write_counting(tmp_path_factory.mktemp("corpus") / "counting")


@pytest.fixture
def make(make_spec: Make, counting: CorpusRef) -> Make:
    """A spec of 10 steps on what counts, measured at the start, in the middle and at the end."""

    def making(**changes: Any) -> TrialSpec:
        few = {"corpora": (counting,), "mixture": {"counting": 1.0}, "max_tokens": 10 * STEP, "evaluation_tokens": 64}
        return make_spec(**few, **{"evaluate_at": (0, 5 * STEP), **changes})

    return making


@pytest.fixture(params=ARCHITECTURES)
def trained(request: pytest.FixtureRequest, folders: dict[str, Path]) -> ModelRef:
    """The model to start from."""
    return ModelRef(name=request.param, path=str(folders[request.param]), fingerprint=request.param)


@torch.no_grad()
def logits(folder: str | Path) -> torch.Tensor:
    """What `transformers` computes with a checkpoint for a fixed row of tokens."""
    import transformers

    model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    found: torch.Tensor = model.eval()(input_ids=torch.arange(1, LENGTH + 1)[None]).logits
    return found


@pytest.fixture
def built(monkeypatch: pytest.MonkeyPatch) -> list[Model]:
    """The models that trials build."""
    models: list[Model] = []

    def keep(*arguments: Any) -> Model:
        models.append(build(*arguments))
        return models[-1]

    monkeypatch.setattr("trainers.loop.build", keep)
    return models


def of(model: Model) -> torch.Tensor:
    """Logits for the row of tokens that `logits` takes."""
    model.evaluate()
    with torch.no_grad():
        return model.logits(Windows(torch.arange(1, LENGTH + 2)[None]))


def test_full_training_learns_resumes_and_exports(
    make: Make, trained: ModelRef, tmp_path: Path, built: list[Model]
) -> None:
    spec = make(model=trained, learning_rate=1e-2)
    ended, whole = run(spec.model_copy(update={"export_path": str(tmp_path / "out")}))
    assert isinstance(ended, Finished)
    assert ended.trainable_params == ended.params
    (_, [first]), *_, (_, [last]) = whole.curve()
    assert last < 0.5 * first
    assert torch.allclose(logits(tmp_path / "out"), of(built[0]), atol=1e-5)

    kept = spec.model_copy(update={"checkpoint_path": str(tmp_path / "checkpoint")})
    paused, before = run(kept, {5 * STEP: "pause"})
    assert isinstance(paused, Finished)
    assert paused.state == "paused"
    _, after = run(kept)
    assert [*before.curve(), *after.curve()[-1:]] == whole.curve()


def test_qlora_learns_resumes_and_exports(make: Make, trained: ModelRef, tmp_path: Path, built: list[Model]) -> None:
    spec = make(model=trained, method="qlora", learning_rate=3e-2)
    ended, whole = run(spec.model_copy(update={"export_path": str(tmp_path / "out")}))
    assert isinstance(ended, Finished)
    (_, [first]), *_, (_, [last]) = whole.curve()
    assert last < 0.9 * first

    kept = spec.model_copy(update={"checkpoint_path": str(tmp_path / "checkpoint")})
    run(kept, {5 * STEP: "pause"})
    assert run(kept)[1].curve()[-1] == whole.curve()[-1]

    # The export is the dense base with these adapters.
    dense = build(spec.model_copy(update={"method": "lora"}), CPU)
    with torch.no_grad():
        for name, parameter in dense.trainable.items():
            parameter.copy_(built[0].trainable[name])
    assert torch.allclose(logits(tmp_path / "out"), of(dense), atol=1e-4)
    assert not torch.allclose(logits(tmp_path / "out"), logits(str(trained.path)), atol=1e-2)


def test_four_bit_weights_stand_for_the_dense_ones(make: Make, trained: ModelRef) -> None:
    """Every layer but the ends is quantised; GPT-2's transposed weights too, the right way round."""
    assert trained.path is not None
    ours = of(build(make(model=trained, method="qlora"), CPU))
    dense = logits(trained.path)
    cosine = torch.nn.functional.cosine_similarity(ours.flatten(), dense.flatten(), dim=0)
    assert 0.95 < cosine < 0.99999
