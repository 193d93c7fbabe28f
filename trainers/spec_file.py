"""Reads a trial's spec from a file, JSON or YAML."""

import json
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from trainers.errors import TrainerError
from trainers.spec import TrialSpec
from trainers.spec_messages import lines


def load_spec(path: Path) -> TrialSpec:
    """The spec in a file. Relative paths in it are relative to the working directory, not to the file.

    Raises:
        TrainerError: the file cannot be read or is not a spec; one line a problem.
    """
    try:
        return TrialSpec.model_validate(_parsed(path))
    except ValidationError as error:
        raise TrainerError("\n".join(f"{path}: {line}" for line in lines(error, TrialSpec))) from None


def _parsed(path: Path) -> dict[str, Any]:
    import yaml

    try:
        text = path.read_text(encoding="utf-8")
        data = json.loads(text) if path.suffix == ".json" else yaml.safe_load(text)
    except OSError as error:
        raise TrainerError(f"{path}: {error.strerror}; give a file that holds a trial's spec") from None
    except UnicodeDecodeError:
        raise TrainerError(f"{path}: is not text in UTF-8; give a file that holds a trial's spec") from None
    except (json.JSONDecodeError, yaml.YAMLError) as error:
        language = "JSON" if path.suffix == ".json" else "YAML"
        raise TrainerError(f"{path}: is not {language}: {' '.join(str(error).split())}") from None
    if not isinstance(data, dict):
        raise TrainerError(f"{path}: holds no mapping of fields to values; write a spec as in docs/trainers.md")
    return data
