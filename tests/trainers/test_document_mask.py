from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
import torch

from tests.trainers.architectures import ARCHITECTURES, RELATIVES, random_model
from tests.trainers.tiny import LENGTH as TINY
from tests.trainers.tiny import VOCABULARY, run
from trainers.evaluation.evaluate import evaluation_blocks
from trainers.messages import Failure
from trainers.model.language_model import LanguageModel
from trainers.model.models import build
from trainers.model.probes import isolates_documents
from trainers.spec import ModelRef, TrialSpec
from trainers.tokens.packed import PackedCorpus
from trainers.tokens.windows import Windows

Make = Callable[..., TrialSpec]
LENGTH = 24
ISOLATING = {**ARCHITECTURES, **RELATIVES}


def positions_of(*rows: tuple[int, ...]) -> torch.Tensor:
    """Places of tokens in their documents, from the documents' lengths."""
    return torch.stack([torch.cat([torch.arange(size) for size in sizes]) for sizes in rows])


@torch.no_grad()
def logits(model: Any, tokens: torch.Tensor, positions: torch.Tensor | None = None) -> torch.Tensor:
    return LanguageModel(model, linear_head=False).logits(Windows(tokens, positions))


@pytest.mark.parametrize("config", ISOLATING.values(), ids=ISOLATING)
def test_a_document_is_the_same_whatever_shares_its_block(config: dict[str, Any]) -> None:
    model = random_model(config).eval()
    torch.manual_seed(1)
    tokens = torch.randint(1, VOCABULARY, (2, LENGTH + 1))
    changed = tokens.clone()
    changed[0, :7] = torch.randint(1, VOCABULARY, (7,))
    # Documents of 7, 1, 1 and 15 tokens; and one that fills its row.
    positions = positions_of((7, 1, 1, 15), (LENGTH,))
    before, after = logits(model, tokens, positions), logits(model, changed, positions)
    assert torch.equal(before[0, 7:], after[0, 7:])
    assert not torch.allclose(before[0, :7], after[0, :7], atol=1e-2)
    crossing = logits(model, tokens)
    assert not torch.allclose(crossing[0, 9:], logits(model, changed)[0, 9:], atol=1e-2)
    # As if it stood alone, at the block's start.
    assert torch.allclose(before[0, 9:], logits(model, tokens[:1, 9:])[0], atol=1e-5)
    # A row that is one document sees all of it, as without the mask.
    assert torch.allclose(before[1], crossing[1], atol=1e-5)


@pytest.mark.parametrize("config", ISOLATING.values(), ids=ISOLATING)
def test_blocks_of_one_document_each_are_computed_as_without_the_mask(config: dict[str, Any]) -> None:
    model = random_model(config).eval()
    tokens = torch.randint(1, VOCABULARY, (3, LENGTH + 1))
    assert torch.equal(logits(model, tokens, positions_of(*[(LENGTH,)] * 3)), logits(model, tokens))


@pytest.mark.parametrize("config", ISOLATING.values(), ids=ISOLATING)
def test_architectures_whose_masks_follow_positions_are_found_by_trying(config: dict[str, Any]) -> None:
    assert isolates_documents(random_model(config))
    assert isolates_documents(random_model(config).to(torch.bfloat16))


BLIND = {
    "opt": {
        "model_type": "opt",
        "vocab_size": VOCABULARY,
        "hidden_size": 64,
        "word_embed_proj_dim": 64,
        "ffn_dim": 128,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "max_position_embeddings": 64,
    },
    "bloom": {"model_type": "bloom", "vocab_size": VOCABULARY, "hidden_size": 64, "n_layer": 2, "n_head": 2},
}
"""Architectures whose masks do not look at positions."""


@pytest.mark.parametrize("config", BLIND.values(), ids=BLIND)
def test_a_model_that_cannot_isolate_documents_is_refused(make_spec: Make, config: dict[str, Any]) -> None:
    model = ModelRef(name="blind", config=config, fingerprint="b")
    end, driver = run(make_spec(model=model, document_mask=True))
    assert isinstance(end, Failure)
    assert (end.cause, end.repeatable) == ("bad_spec", True)
    assert f"document_mask: blind ({config['model_type']}) lets documents of a block see each other" in end.reason
    assert not driver.messages
    assert not isinstance(run(make_spec(model=model, max_tokens=64, evaluate_at=()))[0], Failure)


def test_an_evaluation_is_that_of_each_document_alone(make_spec: Make) -> None:
    spec = make_spec(method="lora", document_mask=True, max_tokens=0, evaluate_at=())
    _, driver = run(spec)
    measured = driver.measurements[0].losses[0]
    model: Any = build(spec, torch.device("cpu")).module
    split = PackedCorpus(spec.corpora[0].path)["valid"]
    total = 0.0
    for block in evaluation_blocks(split.n_blocks(TINY), TINY, spec.evaluation_tokens):
        tokens = torch.from_numpy(split.window(int(block), TINY))
        ends = {int(first) - int(block) * TINY for first, _, _ in split.documents}
        edges = sorted({0, TINY} | {end for end in ends if 0 < end < TINY})
        for start, end in pairwise(edges):
            with torch.no_grad():
                alone = model(input_ids=tokens[None, start:end]).logits[0]
            total += float(torch.nn.functional.cross_entropy(alone, tokens[start + 1 : end + 1], reduction="sum"))
    assert measured.nll == pytest.approx(total, rel=1e-5)
    assert measured.nll != pytest.approx(
        run(make_spec(method="lora", max_tokens=0, evaluate_at=()))[1].measurements[0].losses[0].nll, rel=1e-4
    )


def test_training_isolates_documents(make_spec: Make) -> None:
    ends = [run(make_spec(document_mask=mask, learning_rate=1e-2))[1].curve()[-1][1] for mask in (True, False)]
    assert ends[0] != pytest.approx(ends[1], rel=1e-5)
