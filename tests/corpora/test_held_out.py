from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sweeper.corpora.held_out import HeldOut


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=50)
@given(st.lists(st.tuples(st.integers(0, 5) | st.integers(2**63, 2**64 - 1), st.binary(), st.integers(0, 2**40))))
def test_documents_come_back_by_hash_and_equal_ones_as_they_came(
    tmp_path: Path, rows: list[tuple[int, bytes, int]]
) -> None:
    with HeldOut(tmp_path / "held") as held:
        for row in rows:
            held.add(*row)
        assert list(held.in_order()) == [row[1:] for row in sorted(rows, key=lambda row: row[0])]
    assert not list(tmp_path.iterdir())
