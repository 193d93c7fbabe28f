"""From a model in one GGUF file to a folder of dense weights that everything else here reads."""

from pathlib import Path
from typing import Any

RECIPE_VERSION = 1
"""Changes when the same file would give other weights, tokens or settings."""


def write_checkpoint(source: Path, end_of_text: str, folder: Path) -> None:
    """Write dense weights in safetensors, configuration and tokeniser.

    In fp32, in which a 4-bit value times its fp16 scale plus its fp16 minimum is exact: the folder holds what the file
    holds, whatever precision a trial computes in. bf16 would take half the disk and move every weight once more before
    anything is measured.

    Args:
        source: the GGUF file.
        end_of_text: the token to put between documents, of the file's vocabulary.
        folder: where to; must not exist.
    """
    import transformers

    folder.mkdir(parents=True)
    transformers.utils.logging.disable_progress_bar()
    end = _write_tokenizer(source, end_of_text, folder)
    model = _dense(source)
    also = model.generation_config.eos_token_id
    model.config.eos_token_id = end
    model.generation_config.eos_token_id = sorted({end, *(also if isinstance(also, list) else [also])})
    model.save_pretrained(folder)


def _dense(source: Path) -> Any:
    """The model with ordinary weights; what reads GGUF marks it as quantised, and such a model cannot be saved."""
    import torch
    import transformers

    # Its progress bar ignores the library's switch and writes to the terminal itself.
    read = transformers.AutoModelForCausalLM.from_pretrained(
        source.parent, gguf_file=source.name, dtype=torch.float32, local_files_only=True
    )
    config, generation = read.config, read.generation_config
    del config.quantization_config
    model = transformers.AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    model.load_state_dict(read.state_dict())
    model.generation_config = generation
    return model


def _write_tokenizer(source: Path, end_of_text: str, folder: Path) -> int:
    """Save the tokeniser; returns the number of the end-of-text token."""
    import transformers
    from tokenizers import pre_tokenizers

    tokenizer = transformers.AutoTokenizer.from_pretrained(source.parent, gguf_file=source.name, local_files_only=True)
    if _splits_digits(source):
        # `transformers` does not read this setting, and would take the space before a number into a run of spaces.
        tokenizer.backend_tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
            [pre_tokenizers.Digits(individual_digits=True), tokenizer.backend_tokenizer.pre_tokenizer]
        )
    tokenizer.eos_token = end_of_text
    tokenizer.save_pretrained(folder)
    return int(tokenizer.convert_tokens_to_ids(end_of_text))


def _splits_digits(source: Path) -> bool:
    """Whether the tokeniser is of the kind that gives every digit a token of its own."""
    from gguf import GGUFReader

    kind = GGUFReader(source).get_field("tokenizer.ggml.pre")
    return kind is not None and kind.contents() == "smollm"
