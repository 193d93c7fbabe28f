"""How much memory a computation holds at each moment, watched without computing or allocating anything."""

import weakref
from collections import Counter
from collections.abc import Iterable
from typing import Any, Literal

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

Kind = Literal["activations", "logits", "copies", "workspace"]


class LiveMemory(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Follows every storage that operations make, from its first use until nothing refers to it any more.

    Under `FakeTensorMode` the tensors hold no numbers, but they live and die as real ones do: autograd keeps what it
    saves and lets go of it in the backward pass. What a kernel allocates and frees within itself is seen only where
    `_inside` knows of it.

    Args:
        known: tensors whose memory is counted elsewhere, such as weights.
    """

    def __init__(self, known: Iterable[torch.Tensor]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._known = {id(storage): storage for storage in (t.untyped_storage() for t in known)}
        self._seen: dict[int, Any] = {}
        self._live: Counter[Kind] = Counter()
        self._total = 0
        self.kind: Kind = "activations"
        """What new storages are."""
        self.peak: Counter[Kind] = Counter()
        """Bytes by kind at the moment when most was live since `begin`."""

    def begin(self, kind: Kind) -> None:
        """Start a new peak; what comes is of `kind`."""
        self.kind, self.peak = kind, Counter(self._live)

    @property
    def live(self) -> int:
        """Bytes live now."""
        return self._total

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run an operation and take note of what it made."""
        result = func(*args, **(kwargs or {}))
        kind = "copies" if func is torch.ops.aten._to_copy.default and self._is_known(args[0]) else self.kind
        for leaf in tree_leaves(result):
            if isinstance(leaf, torch.Tensor):
                self._see(leaf.untyped_storage(), kind)
        self._mark(_inside(func, args))
        return result

    def _is_known(self, tensor: torch.Tensor) -> bool:
        return id(tensor.untyped_storage()) in self._known

    def _see(self, storage: torch.UntypedStorage, kind: Kind) -> None:
        key, size = id(storage), storage.nbytes()
        if key in self._known or key in self._seen:
            return

        def gone(_: Any) -> None:
            del self._seen[key]
            self._live[kind] -= size
            self._total -= size

        self._seen[key] = weakref.ref(storage, gone)
        self._live[kind] += size
        self._total += size

    def _mark(self, inside: int) -> None:
        if self._total + inside > self.peak.total():
            self.peak = Counter(self._live)
            self.peak["workspace"] += inside


def _inside(func: Any, args: Any) -> int:
    """Bytes that a kernel holds while it runs: bitsandbytes unpacks a whole 4-bit weight to multiply with it."""
    if func.namespace == "bitsandbytes" and "gemm_4bit" in func.name():
        rows, columns = args[2]
        # Beside it the scales of blocks of 64, unpacked to fp32.
        return int(rows * columns * (args[0].element_size() + 4 / 64))
    return 0
