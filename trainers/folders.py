"""Whether the folders that a spec names can serve."""

from pathlib import Path

from trainers.errors import TrainerError
from trainers.spec import TrialSpec


def refuse_unusable_folders(spec: TrialSpec) -> None:
    """Look before training: a model that is not there would be asked of a hub, a file noticed at the end only.

    Raises:
        TrainerError: a folder is missing, or a file stands in its place.
    """
    model = spec.model.path
    if model is not None and not (Path(model) / "config.json").is_file():
        found = "has no config.json" if Path(model).is_dir() else "is not there"
        raise TrainerError(f"model.path: the folder {model} {found}; give one that transformers wrote or downloaded")
    for field in ("checkpoint_path", "branch_path"):
        path = getattr(spec, field)
        if path is not None and Path(path).exists() and not Path(path).is_dir():
            raise TrainerError(f"{field}: {path} is a file; name a folder, which need not be there yet")
