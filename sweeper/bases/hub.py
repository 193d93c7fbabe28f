"""Models of the Hugging Face hub."""

from pathlib import Path

from sweeper.bases.errors import BaseModelError
from sweeper.bases.weights import missing_weights

NEEDED = ["*.json", "*.safetensors", "*.txt", "*.model", "*.jinja", "README.md", "LICENSE*"]
"""With the card and the licence: what is trained from a model inherits its terms."""
NOT_NEEDED = ["*/*", "consolidated*"]
"""Subfolders hold other formats; `consolidated` is a second copy of the weights."""


def fetch(name: str, download: bool) -> Path:
    """The folder of a model: from the local cache where it is there, else downloaded.

    Args:
        name: owner/model.
        download: whether the network may be used.

    Raises:
        BaseModelError: there is no such model, or no network.
    """
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    try:
        found = snapshot_download(name, allow_patterns=NEEDED, ignore_patterns=NOT_NEEDED, local_files_only=True)
    except HFValidationError as error:
        raise _absent(name, "is neither a folder nor a name of the form OWNER/MODEL") from error
    except LocalEntryNotFoundError as error:
        if not download:
            raise _absent(name, "is not in the local Hugging Face cache") from error
        return _download(name)
    # The cache may hold a part only, such as the configuration that some other program asked for.
    return _download(name) if download and missing_weights(Path(found)) else Path(found)


def _download(name: str) -> Path:
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(name, allow_patterns=NEEDED, ignore_patterns=NOT_NEEDED))
    except Exception as error:  # of the HTTP library below, which differs between versions; all mean: no model
        raise _absent(name, f"cannot be downloaded ({type(error).__name__}: {error})") from error


def _absent(name: str, what: str) -> BaseModelError:
    return BaseModelError(
        f"base_models: {name} {what}. Check the name and the network; where there is none, give a local folder, a "
        "built-in model (builtin:tiny-s, builtin:tiny-m, builtin:tiny-l), or copy the Hugging Face cache (HF_HOME) "
        "from a machine that has one"
    )
