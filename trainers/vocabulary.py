"""Whether packed corpora hold only tokens that a model knows."""

from collections.abc import Iterable, Iterator

from trainers.errors import TrainerError
from trainers.evaluation.evaluate import evaluation_blocks
from trainers.spec import TrialSpec
from trainers.tokens.batches import Batches
from trainers.tokens.packed import PackedCorpus, PackedSplit

Places = Iterable[tuple[PackedSplit, int]]


def refuse_foreign_tokens(spec: TrialSpec, corpora: dict[str, PackedCorpus], batches: Batches, vocabulary: int) -> None:
    """Look before training whether a trial's blocks hold tokens that its model does not know.

    A corpus that says how many tokens its tokeniser has, no more than the model, is not read. Of another the blocks
    that the trial will read are: a tokeniser may know more tokens than any text of the corpus has.

    Raises:
        TrainerError: a block holds such a token.
    """
    for name, corpus in corpora.items():
        known = corpus.meta.get("vocabulary")
        if known is None or known > vocabulary:
            _refuse(name, batches.places(name), spec.max_seq_length, vocabulary)
            _refuse(name, _held_out(spec, corpus), spec.max_seq_length, vocabulary)


def _held_out(spec: TrialSpec, corpus: PackedCorpus) -> Iterator[tuple[PackedSplit, int]]:
    for name in spec.evaluation_splits:
        split = corpus[name]
        # A trial that measures less than it may scores some of these blocks and no other.
        for block in evaluation_blocks(
            split.n_blocks(spec.max_seq_length), spec.max_seq_length, spec.evaluation_tokens
        ):
            yield split, int(block)


def _refuse(name: str, places: Places, length: int, vocabulary: int) -> None:
    for split, block in places:
        largest = int(split.window(block, length).max())
        if largest >= vocabulary:
            raise TrainerError(
                f"corpus {name}: it holds the token {largest}, but the model knows {vocabulary} "
                f"(0 to {vocabulary - 1}); prepare it again with the model's own tokeniser"
            )
