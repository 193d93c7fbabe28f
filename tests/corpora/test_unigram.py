import math
from pathlib import Path

import numpy as np
import pytest

from sweeper.corpora.unigram import unigram_loss
from trainers.tokens.packed import PackedCorpus, Split, write_meta, write_split


def test_it_is_the_add_one_loss_of_the_tokens_that_blocks_predict(tmp_path: Path) -> None:
    streams: dict[Split, list[int]] = {"train": [0, 0, 1, 0], "valid": [2, 0, 1, 2], "test": [0]}
    for split, tokens in streams.items():
        write_split(tmp_path, split, [(np.array(tokens, dtype=np.uint16), 1)], np.uint16)
    write_meta(tmp_path, {"vocabulary": 3})
    # Counts with one added: 4, 2, 1 of 7; the first valid token is not predicted.
    expected = -(math.log(4 / 7) + math.log(2 / 7) + math.log(1 / 7)) / 3
    assert unigram_loss(PackedCorpus(tmp_path)) == pytest.approx(expected)
