"""Several calls of a server at once."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable


def each(
    names: Iterable[str],
    deliver: Callable[[str], None],
    threads: int,
    lasting: tuple[type[Exception], ...],
) -> Exception | None:
    """Call a function of every name, from so many threads.

    Args:
        names: In the order in which they are begun.
        deliver: Called once for each.
        threads: This one among them.
        lasting: Exceptions that concern one name alone.

    Returns:
        The first of `lasting`, after all others were delivered.

    Raises:
        Exception: Any other one, after which nothing more is begun.
    """
    todo = deque(names)
    faults: list[Exception] = []
    broken: list[Exception] = []

    def work() -> None:
        while not faults:
            try:
                name = todo.popleft()
            except IndexError:
                return
            try:
                deliver(name)
            except lasting as error:
                broken.append(error)
            except Exception as error:
                faults.append(error)

    # Daemons: one that hangs shall not keep the program from ending.
    others = [
        threading.Thread(target=work, daemon=True) for _ in range(min(threads, len(todo)) - 1)
    ]
    for thread in others:
        thread.start()
    work()
    for thread in others:
        thread.join()
    if faults:
        raise faults[0]
    return broken[0] if broken else None
