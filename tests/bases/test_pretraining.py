from dataclasses import replace
from pathlib import Path

import pytest

from sweeper.bases.errors import BaseModelError
from sweeper.bases.pretraining import base_ready, complete_base, pretrained_ref, pretraining_spec
from sweeper.bases.resolve import BaseModel, resolve_base
from sweeper.corpora.tokenizer import TokenizerRef
from tests.bases.checkpoint import save_checkpoint
from tests.corpora.byte_tokenizer import byte_tokenizer
from trainers.spec import CorpusRef, TrialSpec

GENERAL = CorpusRef(name="general", path="/packed", fingerprint="g")


def spec_of(base: BaseModel, cache: Path, corpus: CorpusRef = GENERAL, max_tokens: int = 1_000_000) -> TrialSpec:
    return pretraining_spec(base, cache, [corpus], {"general": 1.0}, max_tokens=max_tokens)


def export(spec: TrialSpec) -> Path:
    """What a trainer leaves where the spec asks for it."""
    folder = save_checkpoint(Path(str(spec.export_path)))
    for file in folder.glob("tokenizer*"):
        file.unlink()
    return folder


@pytest.fixture
def base(tmp_path: Path) -> BaseModel:
    tokenizer = byte_tokenizer(tmp_path / "tokenizer")
    return replace(resolve_base("builtin:tiny-s", tmp_path), tokenizer=tokenizer)


def test_a_base_is_a_full_trial_from_random_weights(base: BaseModel, tmp_path: Path) -> None:
    spec = spec_of(base, tmp_path)
    assert (spec.role, spec.method, spec.model.path, spec.max_tokens) == ("base", "full", None, 1_000_000)
    assert spec.model.config == base.config
    assert spec.export_path == str(tmp_path / "bases" / spec.id / "model")


def test_the_identity_is_known_before_training_and_follows_what_decides_the_weights(
    base: BaseModel, tmp_path: Path
) -> None:
    fingerprint = pretrained_ref(spec_of(base, tmp_path)).fingerprint
    assert fingerprint == pretrained_ref(spec_of(base, tmp_path / "elsewhere")).fingerprint
    moved = GENERAL.model_copy(update={"path": "/other"})
    assert fingerprint == pretrained_ref(spec_of(base, tmp_path, moved)).fingerprint
    retokenised = GENERAL.model_copy(update={"fingerprint": "h"})
    other_size = resolve_base("builtin:tiny-m", tmp_path)
    others = [
        spec_of(base, tmp_path, retokenised),
        spec_of(base, tmp_path, max_tokens=2_000_000),
        spec_of(other_size, tmp_path),
    ]
    assert len({fingerprint, *(pretrained_ref(spec).fingerprint for spec in others)}) == 4


def test_a_base_is_ready_when_its_export_has_got_its_tokeniser(base: BaseModel, tmp_path: Path) -> None:
    spec = spec_of(base, tmp_path)
    assert not base_ready(spec)
    folder = export(spec)
    assert not base_ready(spec)
    assert complete_base(spec, base) == pretrained_ref(spec)
    assert base_ready(spec)
    assert resolve_base(str(folder), tmp_path).tokenizer.fingerprint == base.tokenizer.fingerprint


@pytest.mark.parametrize("file", ["config.json", "model.safetensors"])
def test_an_export_that_lacks_a_part_is_not_completed(base: BaseModel, tmp_path: Path, file: str) -> None:
    spec = spec_of(base, tmp_path)
    (export(spec) / file).unlink()
    with pytest.raises(BaseModelError, match=f"no whole {file}"):
        complete_base(spec, base)
    assert not base_ready(spec)


def test_weights_cut_short_are_not_ready(base: BaseModel, tmp_path: Path) -> None:
    spec = spec_of(base, tmp_path)
    weights = export(spec) / "model.safetensors"
    complete_base(spec, base)
    weights.write_bytes(weights.read_bytes()[:-1])
    assert not base_ready(spec)


def test_an_interrupted_copy_of_the_tokeniser_is_not_ready(base: BaseModel, tmp_path: Path) -> None:
    spec = spec_of(base, tmp_path)
    folder = export(spec)
    (folder / "tokenizer_config.json").write_text("{}")
    assert not base_ready(spec)


def test_a_checkpoint_is_not_pretrained(tmp_path: Path) -> None:
    checkpoint = BaseModel("mine", tmp_path, None, TokenizerRef("x", "x"), "f")
    with pytest.raises(BaseModelError, match="mine is a checkpoint"):
        spec_of(checkpoint, tmp_path)
