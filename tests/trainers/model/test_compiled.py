from collections.abc import Callable
from functools import partialmethod
from typing import Any

import pytest
import torch
from torch import nn

from tests.trainers.tiny import assert_same_curve, run
from trainers.messages import Finished
from trainers.model.compiled import compile_layers
from trainers.spec import TrialSpec

Make = Callable[..., TrialSpec]
SHORT = {"max_tokens": 256, "evaluate_at": ()}
LORA = {"r": 4, "alpha": 8.0, "dropout": 0.0}


class Compilations:
    """What was compiled, by the class of the layer; the backend counts graphs and runs them as they are."""

    def __init__(self) -> None:
        self.layers: list[str] = []
        self.graphs = 0

    def backend(self, graph: torch.fx.GraphModule, _: Any) -> Callable[..., Any]:
        """Count a graph."""
        self.graphs += 1
        return graph.forward


@pytest.fixture
def compilations(monkeypatch: pytest.MonkeyPatch) -> Compilations:
    """Compiles without generating code, which takes a minute."""
    seen = Compilations()
    compile_ = nn.Module.compile

    def note(self: nn.Module, **options: Any) -> None:
        seen.layers.append(type(self).__name__)
        compile_(self, backend=seen.backend, **options)

    monkeypatch.setattr(nn.Module, "compile", partialmethod(note))
    return seen


@pytest.mark.parametrize("method", ["full", "qlora"])
def test_compiled_layers_give_the_same_curve(make_spec: Make, compilations: Compilations, method: str) -> None:
    spec = make_spec(method=method, lora=None if method == "full" else LORA, **SHORT)
    again = spec.model_copy(update={"torch_compile": True})
    expected = run(spec)[1].curve()
    assert compilations.layers == []
    assert_same_curve(run(again)[1].curve(), expected, rel=1e-6)
    assert compilations.layers == ["LlamaDecoderLayer"] * 2
    assert compilations.graphs > 0
    assert again.id == spec.id


def test_compiled_layers_can_be_recomputed(make_spec: Make, compilations: Compilations) -> None:
    end, driver = run(make_spec(torch_compile=True, activation_checkpointing=True, **SHORT))
    assert isinstance(end, Finished)
    assert_same_curve(driver.curve(), run(make_spec(**SHORT))[1].curve(), rel=1e-6)


def test_an_architecture_without_known_layers_is_refused() -> None:
    with pytest.raises(RuntimeError, match="torch_compile cannot find the layers of a Linear; leave it out"):
        compile_layers(nn.Linear(1, 1))
