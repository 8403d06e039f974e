"""Go on where a sequence that grows was left, instead of going through all of it again."""

from collections.abc import Callable, Sequence


class Continued[T, R]:
    """A fold over a sequence that mostly grows at its end; `step` may change what `begin` made.

    What comes out depends on nothing but the sequence: one that does not begin with what was gone
    through already, because something was taken out or put in between, is gone through anew.  The
    very same list, told again, is trusted to have grown at its end only.
    """

    def __init__(self, begin: Callable[[], R], step: Callable[[R, T], None]) -> None:
        self._begin = begin
        self._step = step
        self._items: Sequence[T] = ()
        self._done = 0
        self._result = begin()

    def over(self, items: Sequence[T]) -> R:
        """Return the result for these items; a later call may change it."""
        done, result = self._done, self._result
        # Equal items are mostly the same objects, so a thousand are compared in microseconds.
        if not done or (items is not self._items and items[:done] != self._items[:done]):
            done, result = 0, self._begin()
        self._done = 0  # should a step fail, nothing half done is gone on with
        for item in items[done:] if done < len(items) else ():
            self._step(result, item)
        self._items, self._done, self._result = items, len(items), result
        return result
