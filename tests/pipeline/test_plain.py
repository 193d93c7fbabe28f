import json
import math
from pathlib import Path

from sweeper.pipeline.plain import json_text, write_json


def test_what_is_not_a_number_becomes_null() -> None:
    value = {"stderr": math.nan, "bounds": (1.0, math.inf), "where": Path("a/b"), "n": 3, "none": None}
    assert json.loads(json_text(value)) == {"stderr": None, "bounds": [1.0, None], "where": "a/b", "n": 3, "none": None}


def test_a_file_that_says_the_same_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "x.json"
    write_json(path, {"a": 1})
    first = path.stat().st_ino
    write_json(path, {"a": 1})
    assert path.stat().st_ino == first
    write_json(path, {"a": 2})
    assert json.loads(path.read_text()) == {"a": 2}
    assert [file.name for file in path.parent.iterdir()] == ["x.json"]
