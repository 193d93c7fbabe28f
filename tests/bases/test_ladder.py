import pytest

from sweeper.bases.ladder import RUNGS, count_parameters, ladder


@pytest.mark.parametrize("name", list(RUNGS))
def test_widths_are_multiples_of_64(name: str) -> None:
    config = ladder()[name]
    assert config["hidden_size"] % 64 == 0
    assert config["intermediate_size"] % 64 == 0
    assert config["hidden_size"] % config["num_attention_heads"] == 0


def test_sizes_are_about_half_one_and_four_million() -> None:
    # tiny-s by hand: embedding 2048 * 128; a layer 4 * 128² + 3 * 128 * 192 + 2 * 128, twice; the last norm 128.
    assert count_parameters("builtin:tiny-s") == (262_144 + 2 * 139_520 + 128, 2 * 139_520 + 128)
    assert 1.2e6 < count_parameters("builtin:tiny-m")[0] < 1.4e6
    assert 3.5e6 < count_parameters("builtin:tiny-l")[0] < 4.5e6


@pytest.mark.parametrize("name", list(RUNGS))
def test_counts_are_those_of_the_model_that_transformers_makes(name: str) -> None:
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(AutoConfig.for_model(**ladder()[name]))
    total = sum(p.numel() for p in model.parameters())
    embedding = model.get_input_embeddings().weight.numel()
    assert model.config.tie_word_embeddings
    assert count_parameters(name) == (total, total - embedding)
