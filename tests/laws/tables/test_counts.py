from sweeper.laws import table_from_columns
from sweeper.laws.tables.counts import Counts, count
from tests.laws.tables.small_tables import typed


def test_what_a_table_holds_of_each_corpus():
    counts = count(table_from_columns(typed(params=1_000_000, learning_rate=1e-3)))
    assert counts["general"] == Counts(rows=6, runs=3, ratios=3, checkpoints=2, sizes=1, methods=1, rates=1)
    assert list(counts) == ["general", "law"]


def test_a_corpus_that_was_only_measured_before_training_counts_nothing():
    rows = [i for i, (c, t) in enumerate(zip(typed()["corpus"], typed()["tokens"], strict=True)) if c == "law" or not t]
    counts = count(table_from_columns({name: [values[i] for i in rows] for name, values in typed().items()}))
    assert counts["general"].rows == counts["general"].runs == counts["general"].checkpoints == 0
