from hypothesis import given
from hypothesis import strategies as st

from sweeper.corpora.split import Divider, split_of, text_digest


def test_shares_are_taken_from_the_bottom_of_the_range() -> None:
    assert split_of(0, 0.1, 0.1) == "test"
    assert split_of(int(0.0999 * 2**64), 0.1, 0.1) == "test"
    assert split_of(int(0.1001 * 2**64), 0.1, 0.1) == "valid"
    assert split_of(int(0.1999 * 2**64), 0.1, 0.1) == "valid"
    assert split_of(int(0.2001 * 2**64), 0.1, 0.1) == "train"


def test_an_explicit_split_leaves_its_share_to_training() -> None:
    assert split_of(int(0.15 * 2**64), valid=0.0, test=0.1) == "train"
    assert split_of(int(0.05 * 2**64), valid=0.1, test=0.0) == "valid"


def test_about_the_asked_share_of_documents_is_held_out() -> None:
    places = [split_of(text_digest(f"document {i}"), 0.1, 0.1) for i in range(5000)]
    assert 400 < places.count("valid") < 600
    assert 400 < places.count("test") < 600


def test_white_space_around_a_text_does_not_change_its_place() -> None:
    assert text_digest(" a b\n") == text_digest("a b") != text_digest("a  b")


def test_the_place_of_a_text_is_the_same_in_every_version() -> None:
    # Another value would move documents across the line in every corpus that exists.
    assert text_digest("sweeper") == 10174426991384954625


def test_training_copies_of_held_out_documents_are_dropped() -> None:
    divider = Divider(valid=0.0, test=0.0)
    assert divider.place(1, "test") == "test"
    assert divider.place(2, "valid") == "valid"
    assert [divider.place(d) for d in (1, 2, 3)] == [None, None, "train"]
    assert divider.dropped == {"train": 2, "valid": 0, "test": 0}


def test_a_document_is_held_out_once() -> None:
    divider = Divider(valid=0.0, test=0.0)
    assert [divider.place(1, "test"), divider.place(1, "test"), divider.place(1, "valid")] == ["test", None, None]
    assert divider.dropped == {"train": 0, "valid": 1, "test": 1}


def test_copies_within_training_are_kept_and_counted() -> None:
    divider = Divider(valid=0.0, test=0.0)
    assert [divider.place(d) for d in (5, 6, 5, 5)] == ["train"] * 4
    assert divider.repeated() == 2


@given(st.lists(st.text(min_size=1), unique_by=str.strip, max_size=30), st.integers(0, 30))
def test_adding_documents_moves_none_across(texts: list[str], kept: int) -> None:
    def places(some: list[str]) -> dict[str, str | None]:
        divider = Divider(valid=0.3, test=0.3)
        return {text: divider.place(text_digest(text)) for text in some}

    before, after = places(texts[:kept]), places(texts)
    assert all(after[text] == place for text, place in before.items())
