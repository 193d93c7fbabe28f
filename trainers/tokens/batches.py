"""Training batches by step number."""

from collections.abc import Iterator

import torch

from trainers.errors import TrainerError
from trainers.spec import TrialSpec
from trainers.timetable import Timetable
from trainers.tokens.mixture import Mixture
from trainers.tokens.packed import PackedCorpus, PackedSplit
from trainers.tokens.windows import Windows, read_windows
from trainers.workers.ranks import Ranks


def open_corpora(spec: TrialSpec) -> dict[str, PackedCorpus]:
    """The packed corpora of a spec, by name.

    Raises:
        TrainerError: a folder is not a packed corpus, or the mixture names a corpus that is not there.
    """
    strange = sorted(set(spec.mixture) - {ref.name for ref in spec.corpora})
    if strange:
        raise TrainerError(f"mixture: {strange} not among corpora {[ref.name for ref in spec.corpora]}; add or drop it")
    return {ref.name: PackedCorpus(ref.path) for ref in spec.corpora}


class Batches:
    """What each step trains on. Block i of step s is position s * global_batch_size + i of the mixture."""

    def __init__(self, spec: TrialSpec, corpora: dict[str, PackedCorpus], table: Timetable, ranks: Ranks) -> None:
        self._length, self._size, self._micro = spec.max_seq_length, spec.global_batch_size, spec.micro_batch_size
        self._ranks, self._document_mask = ranks, spec.document_mask
        # A corpus outside the mixture is evaluated only, and needs no training text.
        self._train = {name: corpora[name]["train"] for name in spec.mixture}
        n_train_blocks = {name: split.n_blocks(self._length) for name, split in self._train.items()}
        self._names = list(corpora)
        self._mixture = None
        if table.n_steps > 0:
            self._mixture = Mixture(spec.seed, spec.mixture, n_train_blocks, table.n_steps * self._size)

    def micro_batches(self, step: int) -> Iterator[Windows]:
        """This rank's windows of a step, at most micro_batch_size at a time, on its device."""
        assert self._mixture is not None  # a trial of no steps asks for no batch
        mine = self._ranks.share(self._size)
        for start in range(mine.start, mine.stop, self._micro):
            rows = range(start, min(start + self._micro, mine.stop))
            blocks = [self._mixture.block(step * self._size + row) for row in rows]
            places = [(self._train[name], index) for name, index in blocks]
            yield read_windows(places, self._length, self._document_mask).to(self._ranks.device)

    def places(self, name: str) -> Iterator[tuple[PackedSplit, int]]:
        """The blocks of one corpus that the trial trains on, in order."""
        if self._mixture is None:
            return
        for i in range(len(self._mixture)):
            corpus, index = self._mixture.block(i)
            if corpus == name:
                yield self._train[name], index

    @property
    def my_micro_batches(self) -> int:
        """Micro-batches a step of this rank."""
        return -(-len(self._ranks.share(self._size)) // self._micro)

    @property
    def most_micro_batches(self) -> int:
        """Micro-batches a step of the rank that has most of them."""
        most_rows = -(-self._size // self._ranks.size)
        return -(-most_rows // self._micro)

    def blank(self) -> Windows:
        """One window of no meaning, for a rank that must go through the model beside the others."""
        tokens = torch.zeros(1, self._length + 1, dtype=torch.int64)
        positions = torch.arange(self._length)[None] if self._document_mask else None
        return Windows(tokens, positions).to(self._ranks.device)

    def unique_tokens(self, steps: int) -> dict[str, int]:
        """Distinct training tokens seen after `steps` steps, by corpus."""
        none = dict.fromkeys(self._names, 0)
        return none if self._mixture is None else none | self._mixture.unique_tokens(steps * self._size, self._length)
