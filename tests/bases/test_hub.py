from pathlib import Path

import huggingface_hub
import pytest
from huggingface_hub.errors import LocalEntryNotFoundError

from sweeper.bases.errors import BaseModelError
from sweeper.bases.resolve import resolve_base
from tests.bases.checkpoint import save_checkpoint


class FakeHub:
    """Stands for `snapshot_download`: what is cached, what can be fetched, and how it was asked."""

    def __init__(self, cached: Path | None, fetched: Path | None) -> None:
        self.cached, self.fetched = cached, fetched
        self.downloads = 0

    def __call__(self, name: str, *, local_files_only: bool = False, **patterns: list[str]) -> str:
        if local_files_only:
            if self.cached is None:
                raise LocalEntryNotFoundError("not cached")
            return str(self.cached)
        self.downloads += 1
        if self.fetched is None:
            raise ConnectionError("no network")
        return str(self.fetched)


def hub(monkeypatch: pytest.MonkeyPatch, cached: Path | None, fetched: Path | None) -> FakeHub:
    fake = FakeHub(cached, fetched)
    monkeypatch.setattr(huggingface_hub, "snapshot_download", fake)
    return fake


def test_a_cached_model_is_used_without_the_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = hub(monkeypatch, cached=save_checkpoint(tmp_path / "model"), fetched=None)
    base = resolve_base("owner/model", tmp_path / "cache")
    assert (base.name, base.path, fake.downloads) == ("owner/model", tmp_path / "model", 0)


def test_a_half_cached_model_is_fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    half, whole = save_checkpoint(tmp_path / "half"), save_checkpoint(tmp_path / "whole")
    (half / "model.safetensors").unlink()
    hub(monkeypatch, cached=half, fetched=whole)
    assert resolve_base("owner/model", tmp_path / "cache").path == whole


def test_without_network_the_message_names_the_remedies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hub(monkeypatch, cached=None, fetched=None)
    with pytest.raises(BaseModelError, match=r"owner/model cannot be downloaded .*no network.*local folder.*HF_HOME"):
        resolve_base("owner/model", tmp_path)


def test_nothing_is_fetched_where_that_is_not_wanted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = hub(monkeypatch, cached=None, fetched=save_checkpoint(tmp_path / "model"))
    with pytest.raises(BaseModelError, match="not in the local Hugging Face cache"):
        resolve_base("owner/model", tmp_path, download=False)
    assert fake.downloads == 0
