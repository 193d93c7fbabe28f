"""Tiny corpora and models."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.trainers import worker_cases
from tests.trainers.tiny import CONFIG, LENGTH, write_corpus
from trainers.spec import CorpusRef, ModelRef, TrialSpec


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def corpora(tmp_path_factory: pytest.TempPathFactory) -> tuple[CorpusRef, ...]:
    """Two packed corpora of about 125 and 60 training blocks."""
    folder = tmp_path_factory.mktemp("corpora")
    general = write_corpus(folder / "general", 1, {"train": 2010, "valid": 700, "test": 400})
    code = write_corpus(folder / "code", 2, {"train": 970, "valid": 500, "test": 300})
    return (
        CorpusRef(name="general", path=str(general), fingerprint="g"),
        CorpusRef(name="code", path=str(code), fingerprint="c"),
    )


@pytest.fixture(scope="session")
def checkpoint_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small trained-looking model as `transformers` saves it (weights larger than at initialisation)."""
    import transformers

    folder = tmp_path_factory.mktemp("model")
    torch.manual_seed(7)
    options = {k: v for k, v in CONFIG.items() if k != "model_type"}
    config = transformers.AutoConfig.for_model("llama", **options)
    model = transformers.AutoModelForCausalLM.from_config(config)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim == 2:
                parameter.mul_(3)
    model.save_pretrained(folder)
    (folder / "tokenizer.json").write_text("{}", encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def make_spec(corpora: tuple[CorpusRef, ...], checkpoint_folder: Path) -> Callable[..., TrialSpec]:
    """A spec of 12 steps of 4 blocks, with whatever the test changes; adapters start from the saved model."""

    def make(**changes: Any) -> TrialSpec:
        method = changes.get("method", "full")
        trained = ModelRef(name="tiny", path=str(checkpoint_folder), fingerprint="t")
        random = ModelRef(name="random", config=CONFIG, fingerprint="r")
        base = {
            "role": "search",
            "model": random if method == "full" else trained,
            "method": method,
            "lora": None if method == "full" else {"r": 4, "alpha": 8.0},
            "learning_rate": 3e-3,
            "schedule": {"type": "cosine", "warmup_ratio": 0.2},
            "corpora": corpora,
            "mixture": {"general": 0.35, "code": 0.65},
            "max_tokens": 12 * 4 * LENGTH,
            "max_seq_length": LENGTH,
            "global_batch_size": 4,
            "seed": 3,
            "precision": "fp32",
            "evaluate_at": (4 * 4 * LENGTH, 8 * 4 * LENGTH),
            "evaluation_tokens": 256,
            "evaluation_share": None,
        }
        return TrialSpec.model_validate(base | changes)

    return make


@pytest.fixture(scope="session")
def worker_specs(make_spec: Callable[..., TrialSpec], tmp_path_factory: pytest.TempPathFactory) -> dict[str, TrialSpec]:
    """What two workers run, by case."""
    return worker_cases.worker_specs(make_spec, tmp_path_factory.mktemp("states"))


@pytest.fixture(scope="session")
def worker_results(
    worker_specs: dict[str, TrialSpec], tmp_path_factory: pytest.TempPathFactory
) -> worker_cases.Results:
    """What the two workers saw, by case and rank."""
    return worker_cases.run_cases(worker_specs, tmp_path_factory.mktemp("workers"))
