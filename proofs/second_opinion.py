"""A second opinion: the same obligations, written as SMT-LIB 2 and decided by cvc5."""

from __future__ import annotations

from functools import partial
from typing import Any

from fencepost.model.errors import InputError
from fencepost.model.processes import Ended, isolated

RESOURCE_LIMIT = 2_000_000  # cvc5's own unit, for one obligation


def load_cvc5() -> Any:
    """Return the module cvc5; InputError names the extra where it is missing."""
    try:
        import cvc5
    except ImportError:
        message = "the solver cvc5 is not installed: pip install 'fencepost[crosscheck]', or use --solver z3"
        raise InputError(message) from None
    return cvc5


def decide(query: str) -> str:
    """Return cvc5's answer, "sat", "unsat" or "unknown", to a query in SMT-LIB 2.

    It works with the interpreter's lock and cannot be stopped, so it is asked in a process of its own.
    """
    load_cvc5()
    answer = isolated(partial(_decided, query), None)
    return "unknown" if isinstance(answer, Ended) else answer


def _decided(query: str) -> str:
    cvc5 = load_cvc5()
    terms = cvc5.TermManager()
    solver = cvc5.Solver(terms)
    solver.setOption("rlimit", str(RESOURCE_LIMIT))
    parser = cvc5.InputParser(solver)
    parser.setStringInput(cvc5.InputLanguage.SMT_LIB_2_6, query, "obligation")
    symbols = parser.getSymbolManager()
    answer = "unknown"
    while not (command := parser.nextCommand()).isNull():
        said = str(command.invoke(solver, symbols)).strip()
        answer = said if said in ("sat", "unsat") else answer
    return answer
