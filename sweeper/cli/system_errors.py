"""What the system refuses, in words: a full disk, a folder that nobody may write to."""

import errno
import os

ADVICE = {
    errno.ENOSPC: "free some space there",
    errno.EDQUOT: "free some space there, or raise the quota",
    errno.EFBIG: "raise the limit on the size of files (ulimit -f)",
    errno.EROFS: "give a folder that can be written to (--output, SWEEPER_CACHE or resources.storage)",
    errno.EACCES: "give a folder that you may use (--output, SWEEPER_CACHE or resources.storage)",
    errno.EPERM: "give a folder that you may use (--output, SWEEPER_CACHE or resources.storage)",
    errno.ENOTDIR: "a file stands where a folder is needed: give another, or move the file away",
    errno.EEXIST: "a file stands where a folder is needed: give another, or move the file away",
    errno.ENOENT: "it is gone; put it back",
    errno.EIO: "look at the disk",
    errno.ESTALE: "mount the folder again",
    errno.EMFILE: "raise the limit on open files (ulimit -n)",
}


def in_words(error: OSError, fallback: str) -> str | None:
    """The problem, where, and what to do; None for an error that says nothing to a user.

    Args:
        error: What the system said.
        fallback: The folder to name where the error has no path: a write does not know its file's.
    """
    if error.errno not in ADVICE:
        return None
    where = error.filename or fallback
    said = os.strerror(error.errno)
    return f"{os.fsdecode(where)}: {said}; {ADVICE[error.errno]}, then the same command goes on from what is written"
