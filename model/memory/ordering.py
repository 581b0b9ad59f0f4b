"""Which buffered instruction waits for which older one: the ordering matrix, as data.

Intel's manual has had three texts for CLFLUSHOPT and AMD's older parts have another CLFLUSH, so the matrix is chosen,
not programmed: `px86` (Raad et al., POPL 2020), `sdmA` and `sdmC` (the strongest and the weakest text of SDM vol. 2),
`amdweak`. Verdicts are said of `sdmC`, the weakest, unless another is asked for.

Non-temporal stores to different words of one line keep no order under `sdmC` and `amdweak`: "When a WC buffer is
evicted to memory as partial writes there is no guaranteed ordering between successive partial writes" (SDM vol. 3A,
Buffering of Write Combining Memory Locations). `px86` and `sdmA` take the line for written at once (HA2), which no
sentence promises.
"""

from dataclasses import dataclass
from enum import IntEnum

from fencepost.model.errors import unknown_choice


class Buffered(IntEnum):
    """What waits in a thread's store buffer; rows and columns of the matrix, in this order."""

    W = 0
    FL = 1
    FO = 2
    WB = 3
    SF = 4
    NT = 5


FREE, SAME_WORD, SAME_LINE, ALWAYS = ORDERS = ("-", "w", "L", "A")  # from weak to strong


@dataclass(frozen=True)
class Matrix:
    """`rows[older][younger]`: A the younger waits, L it waits if both name one line, w if both name one word, - it may
    overtake.
    """

    name: str
    source: str
    rows: tuple[str, str, str, str, str, str]

    def blocks(self, older: int, younger: int, *, same_line: bool, same_word: bool) -> bool:
        """Say whether an older entry keeps a younger one from draining."""
        order = self.rows[older][younger]
        return order == ALWAYS or (order == SAME_LINE and same_line) or (order == SAME_WORD and same_word)


MATRICES: dict[str, Matrix] = {
    each.name: each
    for each in (
        #                                                    younger: W, FL, FO, WB, SF, NT
        Matrix("px86", "Raad et al., POPL 2020", ("AALLAL", "AALLAA", "-L--A-", "-L--A-", "AAAAAA", "LALLAL")),
        Matrix("sdmA", "SDM vol. 2, strongest text", ("AALLAL", "AALLAA", "LLLLAL", "LLLLAL", "AAAAAA", "LALLAL")),
        Matrix("sdmC", "SDM vol. 2, weakest text", ("AALLAL", "AA--AA", "----A-", "----A-", "AAAAAA", "LALLAw")),
        Matrix("amdweak", "older AMD: CLFLUSH as weak as CLFLUSHOPT, only MFENCE waits for it",
               ("ALLLAL", "------", "----A-", "----A-", "AAAAAA", "LLLLAw")),
    )
}  # fmt: skip

MATRIX = "sdmC"
"""The matrix of a verdict when none is named: who is safe under the weakest text is safe under all three."""


def matrix(name: str) -> Matrix:
    """Return the ordering matrix of that name."""
    if name not in MATRICES:
        raise unknown_choice("matrix", name, MATRICES)
    return MATRICES[name]
