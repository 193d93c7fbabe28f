from hypothesis import assume, given
from hypothesis import strategies as st

from sweeper.experiment.model import Experiment
from sweeper.experiment.names import nearest, suggestion
from sweeper.experiment.trainer import Trainer

NAMES = [*Experiment.model_fields, *Trainer.model_fields]


@given(st.sampled_from(NAMES), st.data())
def test_one_letter_left_out_still_finds_the_name(name: str, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(name) - 1))
    slip = name[:place] + name[place + 1 :]
    assume(slip not in NAMES)
    assert nearest(slip, [name, "zzzz"]) == name


@given(st.sampled_from(NAMES))
def test_the_case_of_letters_does_not_matter(name: str) -> None:
    assert nearest(name.upper(), NAMES) == name


def test_unlike_names_are_not_guessed_but_listed() -> None:
    assert nearest("qqq", ["target", "law"]) is None
    assert suggestion("qqq", ["target", "law"]) == "known: target, law"
