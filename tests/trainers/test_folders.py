from collections.abc import Callable
from pathlib import Path

import pytest

from tests.trainers.tiny import run
from trainers.messages import Failure
from trainers.spec import ModelRef, TrialSpec

Make = Callable[..., TrialSpec]


def refused(spec: TrialSpec) -> str:
    end, driver = run(spec)
    assert isinstance(end, Failure)
    assert (end.cause, driver.messages) == ("bad_spec", [])
    return end.reason


@pytest.mark.parametrize(("make_folder", "said"), [(False, "is not there"), (True, "has no config.json")])
def test_a_model_that_is_not_there_is_not_asked_of_a_hub(
    make_spec: Make, tmp_path: Path, make_folder: bool, said: str
) -> None:
    folder = tmp_path / "gpt2"
    if make_folder:
        folder.mkdir()
    model = ModelRef(name="gpt2", path=str(folder), fingerprint="x")
    assert refused(make_spec(model=model)).startswith(f"model.path: the folder {folder} {said}")


@pytest.mark.parametrize("field", ["checkpoint_path", "branch_path"])
def test_a_file_in_the_place_of_a_folder_is_refused_before_training(
    make_spec: Make, tmp_path: Path, field: str
) -> None:
    (tmp_path / "taken").write_text("mine", encoding="utf-8")
    assert refused(make_spec(**{field: str(tmp_path / "taken")})).startswith(f"{field}: {tmp_path / 'taken'} is a file")
    assert (tmp_path / "taken").read_text(encoding="utf-8") == "mine"
