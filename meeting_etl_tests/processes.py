"""Other processes for tests of what processes share."""

import multiprocessing
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from typing import Any

_SPAWNING = multiprocessing.get_context("spawn")


def run_together(*works: tuple[Callable[..., None], tuple[Any, ...]]) -> None:
    """Do each work in a process of its own, all at the same time."""
    processes = [_SPAWNING.Process(target=work, args=arguments) for work, arguments in works]
    for process in processes:
        process.start()
    for process in processes:
        process.join(300)
        assert process.exitcode == 0


@contextmanager
def begun(work: Callable[..., None], *arguments: Any) -> Iterator[BaseProcess]:
    """A process that does the work, until the block ends.

    Waits until it has sent something to its last argument.
    """
    ours, its = _SPAWNING.Pipe()
    process = _SPAWNING.Process(target=work, args=(*arguments, its))
    process.start()
    try:
        assert ours.poll(300)
        yield process
    finally:
        process.kill()
        process.join()
        ours.close()
        its.close()
