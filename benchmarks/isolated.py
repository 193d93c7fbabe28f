"""One measurement in a child process of its own, so that nothing crosses from one side to the other."""

import multiprocessing
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any, TypeVar

T = TypeVar("T")


def measured_alone(side: Callable[..., T], *arguments: Any) -> T:
    """What `side(*arguments)` returns in a forked child, which has what this process has imported.

    Raises:
        RuntimeError: the child failed; its traceback is on the terminal.
    """
    context = multiprocessing.get_context("fork")
    here, there = context.Pipe(duplex=False)
    child = context.Process(target=_call, args=(there, side, arguments))
    child.start()
    there.close()
    try:
        result: T = here.recv()
    except EOFError:
        child.join()
        raise RuntimeError(f"{side.__name__} failed with status {child.exitcode}") from None
    child.join()
    return result


def _call(out: Connection, side: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    out.send(side(*arguments))
