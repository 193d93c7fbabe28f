"""From a file or a dictionary to an experiment."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from sweeper.experiment.errors import ExperimentError
from sweeper.experiment.messages import lines, shown
from sweeper.experiment.model import Experiment
from sweeper.experiment.yaml_text import read_yaml


def load_experiment(path: str | Path) -> Experiment:
    """Read an experiment file; relative paths in it are taken from the file's folder.

    Raises:
        ExperimentError: no such file, not YAML, or not an experiment; every problem of its fields is listed at once.
    """
    file = Path(path)
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ExperimentError(f"{file}: no such file; write one with `python -m sweeper init --help`") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ExperimentError(f"{file}: cannot be read as UTF-8 text: {error}") from None
    read = read_yaml(text, str(file))
    return _parse(read.data, str(file), file.parent, read.lines)


def parse_experiment(data: object, source: str = "experiment", folder: str | Path | None = None) -> Experiment:
    """Make an experiment from a dictionary of the file's shape; `source` names it in messages.

    Relative paths in it are taken from `folder`, or left alone where there is none.

    Raises:
        ExperimentError: not an experiment; every problem of its fields is listed at once.
    """
    return _parse(data, source, None if folder is None else Path(folder), {})


def _parse(data: object, source: str, folder: Path | None, numbers: Mapping[tuple[str | int, ...], int]) -> Experiment:
    if not isinstance(data, Mapping):
        what = "is empty" if data is None else f"holds {shown(data)}"
        raise ExperimentError(f"{source}: {what}; must be a mapping with the fields of docs/experiment.md")
    try:
        experiment = Experiment.model_validate(data)
        return experiment if folder is None else _resolved(experiment, folder)
    except ValidationError as error:
        raise ExperimentError(_listed(source, lines(error, Experiment, numbers))) from None


def _listed(source: str, problems: list[str]) -> str:
    if len(problems) == 1:
        return f"{source}: {problems[0]}"
    return "\n".join([f"{source}: {len(problems)} problems", *(f"  {problem}" for problem in problems)])


def _resolved(experiment: Experiment, folder: Path) -> Experiment:
    """The experiment with its relative paths made absolute."""
    data = experiment.model_dump(mode="json")
    for corpus in data["corpora"].values():
        for field in ("source", "valid", "test"):
            corpus[field] = corpus[field] and [absolute(path, folder) for path in corpus[field]]
    bases = {name: absolute(name, folder) if _is_folder(name, folder) else name for name in data["base_models"]}
    data["base_models"] = list(bases.values())
    _rename_bases(data["search"], bases)
    data["search"]["warm_start"] = [absolute(path, folder) for path in data["search"]["warm_start"]]
    storage = data["resources"]["storage"]
    data["resources"]["storage"] = storage and absolute(storage, folder)
    return Experiment.model_validate(data)


def _rename_bases(search: dict[str, Any], names: Mapping[str, str]) -> None:
    """Name base models as `base_models` does, wherever the search names them."""
    for form in (form for form in search["space"].values() if isinstance(form, dict) and "when" in form):
        if "base_model" in form["when"]:
            form["when"]["base_model"] = [names.get(name, name) for name in form["when"]["base_model"]]
    chosen = search["space"]["base_model"]
    if chosen:
        chosen["choices"] = [names[name] for name in chosen["choices"]]
    for point in (point for point in search["enqueue"] if "base_model" in point):
        point["base_model"] = names[point["base_model"]]


def absolute(path: str, folder: Path) -> str:
    """A path or glob as seen from `folder`; `builtin:`, `hf:` and URIs stay as they are."""
    if path.startswith(("builtin:", "hf:")) or "://" in path:
        return path
    own = path == "~" or path.startswith("~/")  # of another user's folder the system may know nothing
    return str((folder / (Path(path).expanduser() if own else Path(path))).absolute())


def _is_folder(name: str, folder: Path) -> bool:
    """Whether a base model is a folder and not a Hugging Face name, which looks like a relative path."""
    if name.startswith("builtin:"):
        return False
    try:
        return name.startswith((".", "~", "/")) or (folder / name).is_dir()
    except OSError:  # longer than the system lets a name be
        return False
