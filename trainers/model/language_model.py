"""A causal language model as its losses: windows in, nats out."""

from typing import Any, Literal

import torch
from torch import nn

from trainers.model.head import linear_nll
from trainers.tokens.windows import Windows


class LanguageModel(nn.Module):
    """Puts windows through a `transformers` causal language model, with or without adapters.

    Where the output layer is a plain linear one (`probes.has_linear_head`), its logits are never all in memory.

    Args:
        causal_lm: the model; kept as the submodule `module`, so that wrapping this module wraps all of it.
        linear_head: what `probes.has_linear_head` said of the model.
    """

    def __init__(self, causal_lm: Any, linear_head: bool) -> None:
        super().__init__()
        self.module = causal_lm
        self._linear_head = linear_head

    def forward(self, windows: Windows, reduction: Literal["none", "sum"] = "none") -> torch.Tensor:
        """Nats of every target, (batch, length) in fp32, or their sum."""
        targets = windows.targets
        if self._linear_head:
            base = base_of(self.module)
            hidden = base.base_model(**_inputs(windows)).last_hidden_state
            head = base.get_output_embeddings()
            hidden = hidden.reshape(-1, hidden.shape[-1])
            if torch.is_autocast_enabled(hidden.device.type):
                hidden = hidden.to(torch.get_autocast_dtype(hidden.device.type))
            nll = linear_nll(hidden, head.weight, head.bias, targets.reshape(-1))
        else:
            logits = self.logits(windows)
            nll = nn.functional.cross_entropy(
                logits.reshape(-1, logits.shape[-1]), targets.reshape(-1), reduction="none"
            )
        return nll.sum() if reduction == "sum" else nll.view(targets.shape)

    def logits(self, windows: Windows) -> torch.Tensor:
        """(batch, length, vocabulary) in fp32."""
        logits: torch.Tensor = self.module(**_inputs(windows)).logits
        return logits.float()


def base_of(module: Any) -> Any:
    """The `transformers` model under adapters, or the model itself."""
    return module.get_base_model() if hasattr(module, "get_base_model") else module


def _inputs(windows: Windows) -> dict[str, Any]:
    # With positions that restart, and no mask given, transformers' masks keep the documents apart.
    inputs: dict[str, Any] = {"input_ids": windows.inputs, "use_cache": False}
    return inputs if windows.positions is None else inputs | {"position_ids": windows.positions}
