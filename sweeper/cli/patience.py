"""A word to who waits: work of seconds says nothing, longer work says what it does and for how long it has."""

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from sweeper.pipeline.plan import format_seconds

FIRST_SECONDS, EVERY_SECONDS = 3.0, 15.0


@contextmanager
def patience(work: str) -> Iterator[None]:
    """Says on standard error what takes long, and again now and then."""
    done, began = threading.Event(), time.monotonic()

    def say() -> None:
        wait = FIRST_SECONDS
        while not done.wait(wait):
            print(f"[{format_seconds(time.monotonic() - began)}] {work}", file=sys.stderr, flush=True)
            wait = EVERY_SECONDS

    thread = threading.Thread(target=say, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
