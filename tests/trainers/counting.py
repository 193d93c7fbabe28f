"""A corpus that any model learns in a few steps: documents that count."""

from pathlib import Path

import numpy as np

from trainers.spec import CorpusRef
from trainers.tokens.packed import write_meta, write_split


def write_counting(folder: Path, vocabulary: int | None = None) -> CorpusRef:
    """Documents of the tokens 1, 2 ... 8 and the end of text, 0."""
    folder.mkdir(parents=True)
    document = np.array([*range(1, 9), 0], dtype=np.uint16)
    for split, documents in (("train", 60), ("valid", 20), ("test", 20)):
        write_split(folder, split, [(document, 24)] * documents, np.uint16)  # type: ignore[arg-type]
    write_meta(folder, {} if vocabulary is None else {"vocabulary": vocabulary})
    return CorpusRef(name="counting", path=str(folder), fingerprint="counting")
