"""Go on where a sequence that grows was left, instead of going through all of it again."""

from collections.abc import Callable


class Continued[T, R]:
    """A fold over a sequence that mostly grows at its end; `step` may change what `begin` made.

    What comes out depends on nothing but the sequence: one that does not begin with what was gone
    through already, because something was taken out or put in between, is gone through anew.
    """

    def __init__(self, begin: Callable[[], R], step: Callable[[R, T], None]) -> None:
        self._begin = begin
        self._step = step
        self._done: tuple[T, ...] = ()
        self._result = begin()

    def over(self, items: tuple[T, ...]) -> R:
        """Return the result for these items; a later call may change it."""
        if items is self._done:
            return self._result
        done = len(self._done)
        # Equal items are mostly the same objects, so a thousand are compared in microseconds.
        if items[:done] != self._done:
            done, self._result = 0, self._begin()
        result, self._done = self._result, ()
        self._result = self._begin()  # should a step fail, nothing half done is gone on with
        for item in items[done:]:
            self._step(result, item)
        self._done, self._result = items, result
        return result
