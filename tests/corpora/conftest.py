from pathlib import Path

import pytest

from sweeper.corpora.tokenizer import TokenizerRef
from tests.corpora.byte_tokenizer import byte_tokenizer


@pytest.fixture(scope="session")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> TokenizerRef:
    return byte_tokenizer(tmp_path_factory.mktemp("tokenizer"))


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"
