"""The loss of the simplest model there is, to judge a trained one by."""

import numpy as np

from trainers.tokens.packed import PackedCorpus, Split


def unigram_loss(corpus: PackedCorpus, split: Split = "valid") -> float:
    """Nats per token on a split, of token frequencies counted on `train` with one added to each.

    -mean over the split's tokens of log((count + 1) / (n + V)), V the vocabulary; the first token, which no block
    predicts, is left out.
    """
    vocabulary = int(corpus.meta["vocabulary"])
    counts = np.bincount(corpus["train"].tokens, minlength=vocabulary) + 1.0
    return float(-np.log(counts / counts.sum())[corpus[split].tokens[1:]].mean())
