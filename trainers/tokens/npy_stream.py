"""A `.npy` file of one array written piece by piece: memory does not grow with its length."""

import io
from pathlib import Path
from types import TracebackType

import numpy as np
from numpy.typing import ArrayLike, NDArray

from trainers.errors import TrainerError


class NpyStream:
    """Appends rows to an array on disk; the file equals the one that `numpy.save` writes of all rows at once.

    The header tells the number of rows, so it is written twice: numpy pads it, and leaves room for the number to grow.
    """

    def __init__(self, path: Path, dtype: type, row: tuple[int, ...] = ()) -> None:
        """Begin the file.

        Args:
            path: where it goes.
            dtype: of the array.
            row: shape of one row; () where the array has one dimension.
        """
        self.rows = 0
        """How many were appended."""
        self._dtype = np.dtype(dtype)
        self._row = row
        self._out = path.open("wb")
        self._header = self._out.write(self._header_for(0))

    def append(self, values: ArrayLike) -> None:
        """Add rows: shape (n, *row)."""
        array: NDArray[np.generic] = np.ascontiguousarray(values, dtype=self._dtype).reshape(-1, *self._row)
        self._out.write(array.data)
        self.rows += len(array)

    def __enter__(self) -> "NpyStream":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        try:
            if kind is None:
                self._finish()
        finally:
            self._out.close()

    def _finish(self) -> None:
        header = self._header_for(self.rows)
        if len(header) != self._header:
            raise TrainerError(
                f"{self._out.name}: numpy's header of {self.rows} rows does not fit the {self._header} bytes kept"
            )
        self._out.seek(0)
        self._out.write(header)

    def _header_for(self, rows: int) -> bytes:
        shape = (rows, *self._row)
        out = io.BytesIO()
        np.lib.format.write_array_header_1_0(
            out, {"descr": np.lib.format.dtype_to_descr(self._dtype), "fortran_order": False, "shape": shape}
        )
        return out.getvalue()
