"""What the weight files of a checkpoint say about it without being loaded."""

import json
import math
import re
import struct
from pathlib import Path
from typing import Any

from sweeper.bases.errors import BaseModelError

_EMBEDDING = re.compile(r"(^|\.)(embed_tokens|wte|embed_in|word_embeddings|tok_embeddings|lm_head|embed_out)\.weight$")


def weight_files(folder: Path) -> list[Path]:
    """The files that hold the weights, sorted: safetensors where there are any, else PyTorch's."""
    return sorted(folder.glob("*.safetensors")) or sorted(folder.glob("pytorch_model*.bin"))


def missing_weights(folder: Path) -> str | None:
    """What a checkpoint lacks: the first shard that its index names and that is not there, or weights at all."""
    for index in sorted(folder.glob("*.safetensors.index.json")):
        shards: dict[str, str] = json.loads(index.read_text(encoding="utf-8"))["weight_map"]
        absent = sorted(name for name in set(shards.values()) if not (folder / name).is_file())
        if absent:
            return absent[0]
    return None if weight_files(folder) else "*.safetensors"


def is_whole(file: Path) -> bool:
    """Whether a safetensors file is as long as its header says; a copy that was cut short is not."""
    size = file.stat().st_size
    header = _header(file)
    return header is not None and size == header[1] + max((end for _, end in _offsets(header[0])), default=0)


def count_parameters(folder: Path) -> tuple[int, int] | None:
    """(all parameters, those outside the embedding and the output layer); None where the headers don't tell.

    Raises:
        BaseModelError: a weight file is cut short.
    """
    files = weight_files(folder)
    if not files or any(file.suffix != ".safetensors" for file in files):
        return None
    sizes: dict[str, int] = {}
    for file in files:
        if not is_whole(file):
            raise BaseModelError(f"base_models: {file} is cut short; copy or download it again")
        sizes |= {name: math.prod(tensor["shape"]) for name, tensor in _tensors(file).items()}
    return sum(sizes.values()), sum(size for name, size in sizes.items() if not _EMBEDDING.search(name))


def _tensors(file: Path) -> dict[str, Any]:
    header = _header(file)
    return {} if header is None else {name: value for name, value in header[0].items() if name != "__metadata__"}


def _offsets(header: dict[str, Any]) -> list[list[int]]:
    return [value["data_offsets"] for name, value in header.items() if name != "__metadata__"]


def _header(file: Path) -> tuple[dict[str, Any], int] | None:
    """The header and where the data begins. Source: the safetensors format, an 8-byte length and JSON."""
    with file.open("rb") as data:
        start = data.read(8)
        if len(start) < 8:
            return None
        (length,) = struct.unpack("<Q", start)
        text = data.read(min(length, file.stat().st_size))
    return (json.loads(text), 8 + length) if len(text) == length else None
