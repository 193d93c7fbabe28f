from pathlib import Path

import numpy as np
import pytest

from trainers.tokens.npy_stream import NpyStream


@pytest.mark.parametrize("pieces", [[], [[]], [[1, 2, 3]], [[1], [], [2, 3], list(range(5000))]])
def test_pieces_make_the_file_that_numpy_makes_of_the_whole(tmp_path: Path, pieces: list[list[int]]) -> None:
    with NpyStream(tmp_path / "a.npy", np.uint16) as stream:
        for piece in pieces:
            stream.append(piece)
    whole = np.array([value for piece in pieces for value in piece], dtype=np.uint16)
    np.save(tmp_path / "b.npy", whole)
    assert stream.rows == len(whole)
    assert (tmp_path / "a.npy").read_bytes() == (tmp_path / "b.npy").read_bytes()


def test_rows_may_have_a_shape(tmp_path: Path) -> None:
    with NpyStream(tmp_path / "a.npy", np.int64, row=(3,)) as stream:
        stream.append((1, 2, 3))
        stream.append([[4, 5, 6], [7, 8, 9]])
    np.save(tmp_path / "b.npy", np.arange(1, 10).reshape(3, 3))
    assert (tmp_path / "a.npy").read_bytes() == (tmp_path / "b.npy").read_bytes()


def test_a_file_whose_writing_failed_does_not_pass_for_whole(tmp_path: Path) -> None:
    with pytest.raises(KeyError), NpyStream(tmp_path / "a.npy", np.uint16) as stream:
        stream.append([1, 2, 3])
        raise KeyError
    assert len(np.load(tmp_path / "a.npy")) == 0
