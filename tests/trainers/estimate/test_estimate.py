"""A Llama of two layers, 64 wide, 128 within, two heads, 96 tokens of vocabulary that the output layer shares."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from tests.trainers.architectures import ARCHITECTURES, RELATIVES
from tests.trainers.tiny import LENGTH, VOCABULARY, Driver
from trainers.errors import TrainerError
from trainers.estimate.estimate import estimate
from trainers.loop import run_trial
from trainers.spec import TrialSpec

Make = Callable[..., TrialSpec]

LAYERS, WIDTH, WITHIN, R = 2, 64, 128, 4
SQUARES, TALL = 4 * LAYERS, 3 * LAYERS
IN_LAYERS = SQUARES * WIDTH**2 + TALL * WIDTH * WITHIN
EMBEDDING = VOCABULARY * WIDTH
MATRICES = IN_LAYERS + EMBEDDING
"""That take part in products: the embedding as the output layer."""
NORMS = (2 * LAYERS + 1) * WIDTH
PARAMS = MATRICES + NORMS
ADAPTERS = SQUARES * R * 2 * WIDTH + TALL * R * (WIDTH + WITHIN)
ROTARY = 2 * 16 * 4
"""Bytes of buffers: the frequencies of half a head of 32, twice."""
ATTENTION = 4 * LAYERS * WIDTH * LENGTH
"""Scores and weighted values of a block, a token."""


def test_full_training_computes_6_n_and_12_l_h_q_t_a_token(make_spec: Make) -> None:
    flops = estimate(make_spec()).flops
    assert flops.trained_token == 6 * MATRICES + 12 * LAYERS * WIDTH * LENGTH
    assert flops.scored_token == 2 * MATRICES + ATTENTION
    assert flops.recomputed_token == 0


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("method", ["lora", "qlora"])
def test_adapters_save_the_gradients_of_frozen_weights(make_spec: Make, method: str, precision: str) -> None:
    flops = estimate(make_spec(method=method, precision=precision)).flops
    forward = 2 * (MATRICES + ADAPTERS) + ATTENTION
    # Nothing below the first layer trains, so the products that read its input pass no gradient on.
    first = 3 * (2 * WIDTH**2 + 2 * R * WIDTH)
    assert flops.scored_token == forward
    assert flops.trained_token == forward + 2 * MATRICES + 4 * ADAPTERS + 2 * ATTENTION - first


@pytest.mark.parametrize("method", ["full", "lora", "qlora"])
def test_recomputed_layers_are_told_apart(make_spec: Make, method: str) -> None:
    kept, recomputed = (
        estimate(make_spec(method=method, activation_checkpointing=on), workers=1) for on in (False, True)
    )
    assert recomputed.step and kept.step
    assert recomputed.flops.trained_token - kept.flops.trained_token == recomputed.flops.recomputed_token
    assert recomputed.step.activations < kept.step.activations / 2
    if method == "full":  # the last product of a layer is saved by nobody, so it is not computed again
        again = 2 * (IN_LAYERS - LAYERS * WIDTH * WITHIN) + ATTENTION
        assert recomputed.flops.recomputed_token == again


def test_a_trials_operations_are_those_of_its_steps_and_evaluations(make_spec: Make) -> None:
    flops = estimate(make_spec()).flops
    assert flops.training == flops.trained_token * 12 * 4 * LENGTH
    # After steps 4, 8 and 12: 256 tokens of each of two corpora.
    assert flops.evaluation == flops.scored_token * 3 * 2 * 256
    assert flops.total == flops.training + flops.evaluation


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_full_training_holds_sixteen_bytes_a_parameter(make_spec: Make, precision: str) -> None:
    step = estimate(make_spec(precision=precision)).step
    assert step is not None
    assert (step.weights, step.gradients, step.optimizer) == (4 * PARAMS + ROTARY, 4 * PARAMS, 8 * PARAMS)
    assert (step.copies > 0) == (precision == "bf16")


@pytest.mark.parametrize(("precision", "size"), [("fp32", 4), ("bf16", 2)])
def test_lora_holds_its_base_in_the_compute_precision_and_trains_adapters(
    make_spec: Make, precision: str, size: int
) -> None:
    step = estimate(make_spec(method="lora", precision=precision)).step
    assert step is not None
    assert step.weights == size * PARAMS + 4 * ADAPTERS + ROTARY
    assert (step.gradients, step.optimizer) == (4 * ADAPTERS, 8 * ADAPTERS)


def test_qlora_holds_half_a_byte_a_weight_and_its_scales(make_spec: Make) -> None:
    step = estimate(make_spec(method="qlora")).step
    # A byte for 64 weights; one number and 256 levels for these bytes, an offset, 16 levels for the weights.
    scales = IN_LAYERS // 64 + (SQUARES + TALL) * (4 + 256 * 4 + 4 + 16 * 4)
    assert step is not None
    assert step.weights == IN_LAYERS // 2 + scales + 4 * (EMBEDDING + NORMS) + 4 * ADAPTERS + ROTARY


def test_what_trains_beside_adapters_is_held_in_fp32(make_spec: Make) -> None:
    lora = {"r": R, "alpha": 8.0, "train_embeddings": True, "train_norms": True}
    step = estimate(make_spec(method="lora", precision="bf16", lora=lora)).step
    assert step is not None
    trained = ADAPTERS + EMBEDDING + NORMS
    assert step.weights == 2 * IN_LAYERS + 4 * trained + ROTARY
    assert (step.gradients, step.optimizer) == (4 * trained, 8 * trained)


def test_a_trial_that_only_measures_holds_neither_gradients_nor_an_optimiser(make_spec: Make) -> None:
    found = estimate(make_spec(max_tokens=0, evaluate_at=(), mixture={}))
    trained = estimate(make_spec())
    assert found.step is None
    assert found.flops.training == 0
    assert trained.evaluation - found.evaluation == 12 * PARAMS
    assert found.peak == max(found.evaluation, found.loading)


def test_workers_share_a_batch(make_spec: Make) -> None:
    one, two, many = (estimate(make_spec(), workers) for workers in (1, 2, 9))
    assert [found.micro_batch for found in (one, two, many)] == [4, 2, 1]
    assert one.step and two.step
    assert two.step.activations == pytest.approx(one.step.activations / 2, rel=0.02)
    assert two.step.weights == one.step.weights
    assert two.flops == one.flops


def test_divided_workers_cast_nothing_for_what_they_put_together_is_cast_already(make_spec: Make) -> None:
    whole, divided = (estimate(make_spec(precision="bf16", parallel=kind), 2) for kind in ("ddp", "fsdp"))
    assert whole.step and divided.step
    assert (whole.step.copies > 0, divided.step.copies) == (True, 0)
    assert divided.step.weights == whole.step.weights // 2
    assert divided.step.workspace > whole.step.workspace


def test_a_larger_micro_batch_is_never_more_than_the_batch(make_spec: Make) -> None:
    assert estimate(make_spec(micro_batch_size=1)).micro_batch == 1
    assert estimate(make_spec(micro_batch_size=64)).micro_batch == 4


def test_documents_apart_need_a_mask(make_spec: Make) -> None:
    together, apart = (estimate(make_spec(document_mask=mask)) for mask in (False, True))
    assert together.step and apart.step
    assert apart.step.total > together.step.total
    assert apart.flops == together.flops


@pytest.mark.parametrize("name", [*ARCHITECTURES, *RELATIVES])
def test_every_supported_architecture_can_be_gone_through(make_spec: Make, name: str) -> None:
    model = {"name": name, "config": (ARCHITECTURES | RELATIVES)[name], "fingerprint": name}
    found = estimate(make_spec(model=model, precision="bf16"))
    assert found.step and found.step.activations > 0
    assert found.flops.trained_token == pytest.approx(3 * found.flops.scored_token)


def test_an_estimate_leaves_no_trace_in_the_process(make_spec: Make) -> None:
    spec = make_spec(method="qlora", document_mask=True, max_tokens=4 * LENGTH, evaluate_at=())
    losses = []
    for _ in range(2):
        driver = Driver()
        assert run_trial(spec, driver).kind == "finished"
        losses.append(driver.messages[-1].model_dump(exclude={"seconds"}))
        estimate(spec)
    assert losses[0] == losses[1]


def test_a_model_that_is_not_there_is_named(make_spec: Make, tmp_path: Path) -> None:
    model = {"name": "lost", "path": str(tmp_path / "lost"), "fingerprint": "x"}
    with pytest.raises(TrainerError, match=r"model: the configuration of lost cannot be read"):
        estimate(make_spec(model=model))


def test_what_a_trial_would_refuse_is_refused(make_spec: Make) -> None:
    with pytest.raises(TrainerError, match="max_seq_length: 65"):
        estimate(make_spec(max_seq_length=65))
    with pytest.raises(TrainerError, match="optimizer: adamw_8bit"):
        estimate(make_spec(optimizer="adamw_8bit"))


def test_a_gpus_trial_can_be_estimated_without_one(make_spec: Make) -> None:
    found = estimate(make_spec(optimizer="adamw_8bit"), device="cuda").step
    assert found is not None
    assert found.optimizer < 8 * PARAMS


def test_a_model_that_looks_at_its_numbers_is_refused_with_a_way_out(
    make_spec: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trainers.estimate.rehearsal._train", lambda *_: torch.ones(1).item())
    with pytest.raises(TrainerError, match=r"random \(llama\) cannot be gone through .* run a trial of two steps"):
        estimate(make_spec())
