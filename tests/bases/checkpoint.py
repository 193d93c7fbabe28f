"""A checkpoint folder as `save_pretrained` writes it, without a library that could."""

import json
import struct
from pathlib import Path

from tests.corpora.byte_tokenizer import save_byte_tokenizer

SHAPES = {
    "model.embed_tokens.weight": [10, 4],
    "model.layers.0.mlp.up_proj.weight": [6, 4],
    "model.norm.weight": [4],
    "lm_head.weight": [10, 4],
}


def save_weights(file: Path, shapes: dict[str, list[int]], fill: bytes = b"\0") -> None:
    header, end = {}, 0
    for name, shape in shapes.items():
        size = 4 * shape[0] * (shape[1] if len(shape) > 1 else 1)
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [end, end + size]}
        end += size
    text = json.dumps({"__metadata__": {"format": "pt"}, **header}).encode()
    file.write_bytes(struct.pack("<Q", len(text)) + text + fill * end)


def save_checkpoint(folder: Path, **config: object) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    save_byte_tokenizer(folder)
    save_weights(folder / "model.safetensors", SHAPES)
    (folder / "config.json").write_text(
        json.dumps({"model_type": "llama", "architectures": ["LlamaForCausalLM"]} | config)
    )
    return folder
