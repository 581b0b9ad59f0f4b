"""A Z3 solver that an interrupt stops, and that never answers because of one.

Z3 has a handler for SIGINT of its own, after which it answers "unknown": it is switched off. Z3 works in a thread,
without the interpreter's lock. The thread that asked waits where Python's handlers run; what they raise stops Z3
within milliseconds, and is raised again.
"""

from __future__ import annotations

import threading
from _thread import start_new_thread
from queue import SimpleQueue
from typing import Any

import z3

STOP_SECONDS = 0.01  # between two requests to stop: one that comes before Z3 begins is lost

# Terms may be given back by whichever thread collects garbage while Z3 works.
z3.Z3_enable_concurrent_dec_ref(z3.main_ctx().ref())


class Solver(z3.Solver):  # type: ignore[misc]  # z3 ships no types
    """A solver for all that Z3 knows, or for one `logic`, with settings such as `rlimit`."""

    def __init__(self, logic: str | None = None, **settings: int) -> None:
        of_logic = z3.SolverFor(logic) if logic else None  # held until the line below has it too
        super().__init__(of_logic and of_logic.solver, z3.main_ctx())
        self.set("ctrl_c", False)
        for name, value in settings.items():
            self.set(name, value)

    def check(self, *assumptions: Any) -> z3.CheckSatResult:
        """Return Z3's answer. Raises whatever a signal's handler raises meanwhile."""
        if threading.current_thread() is not threading.main_thread():
            return super().check(*assumptions)  # handlers run in the main thread only
        return _Asked(self, assumptions).answer()


class _Asked:
    """One question, on its way in a thread."""

    def __init__(self, solver: Solver, assumptions: tuple[Any, ...]) -> None:
        self._solver, self._assumptions = solver, assumptions
        self._answers: SimpleQueue[tuple[Any, BaseException | None]] = SimpleQueue()
        self._begun, self._ended, self._is_given_up = threading.Event(), threading.Event(), False

    def answer(self) -> z3.CheckSatResult:
        try:
            start_new_thread(self._ask, ())
            answer, error = self._answers.get()
        except BaseException:
            self._stop()
            raise
        if error is not None:
            raise error
        return answer

    def _ask(self) -> None:
        self._begun.set()
        try:
            if not self._is_given_up:
                self._answers.put((z3.Solver.check(self._solver, *self._assumptions), None))
        except BaseException as error:
            self._answers.put((None, error))
        finally:
            self._ended.set()

    def _stop(self) -> None:
        """Stop Z3, and wait until it has: its terms are nobody else's before."""
        self._is_given_up = True
        while self._begun.wait(STOP_SECONDS) and not self._ended.wait(STOP_SECONDS):
            self._solver.ctx.interrupt()
