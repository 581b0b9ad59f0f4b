"""The C++ explorer on programs with waits: held against Python's on drawn ones, and against a search of all states."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from drawn_waits import (
    APART,
    OTHER,
    SUPPORTED,
    TAKEN_BACK,
    THREADS,
    WORD,
    Ends,
    Threads,
    TooMany,
    all_ends_of,
    ends_and_counts,
    made,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from sizes import sized

from fencepost.model.explorer.search.reduction import Counts
from fencepost.model.memory import MATRIX, PROFILES, matrix
from fencepost.model.memory.lines import Line
from fencepost.model.memory.ordering import Buffered
from fencepost.model.programs.operations import (
    Address,
    CompareExchange,
    FetchAdd,
    Flush,
    Load,
    Operation,
    Poll,
    Send,
    Store,
    Watched,
)
from fencepost.native.schedules.stepped import orders_of, switches_of

ROOT = Path(__file__).parents[2]
COMPILER = shutil.which("c++") or shutil.which("g++")

KINDS = (
    "Load", "Store", "FetchAdd", "CompareExchange", "Exchange", "DeviceAdd", "Lock", "Unlock", "Flush", "StoreFence",
    "FullFence", "LoadFence", "Prefetch", "Poll", "Send", "Receive",
)  # fmt: skip
"""As in stepped/values.hpp."""
LINES: dict[Line, int] = {("x",): 0, ("y",): 1}
PLACES: dict[Address, tuple[int, int]] = {WORD: (0, 0), OTHER: (0, 1), APART: (1, 0)}


def numbers_of(operation: Operation) -> list[int]:
    """Return an operation as waits.cpp reads it."""
    kind, flush, streams, place = KINDS.index(type(operation).__name__), 0, 0, (0, 0)
    value: Any = 0
    second: Any = 0
    watched: tuple[Watched, ...] = ()
    match operation:
        case Load(address):
            place = PLACES[address]
        case Store(address, stored):
            place, value, streams = PLACES[address], stored, int(operation.streaming)
        case FetchAdd(address, amount):
            place, value = PLACES[address], amount
        case CompareExchange(address, expected, desired):
            place, value, second = PLACES[address], expected, desired
        case Flush(line, buffered):
            place, flush = (LINES[line], 0), list(Buffered).index(buffered)
        case Send(_, message):
            value = message
        case Poll(watched):
            pass
    looked: list[Any] = [
        number for each in watched for number in (*PLACES[each.address], each.seen, int(each.invalidate))
    ]
    return [kind, flush, streams, 0, *place, value, second, len(watched), *looked]


def native_ends(program: Path, name: str, threads: Threads) -> tuple[set[str], Counts]:
    numbers = [1, *switches_of(PROFILES[name]), *orders_of(matrix(MATRIX)), len(threads)]
    for host, code in threads:
        numbers += [host, len(code), *(number for each in code for number in numbers_of(each))]
    told = subprocess.run([program], input=" ".join(map(str, numbers)), capture_output=True, text=True, check=True)
    counts, *ends, last = told.stdout.splitlines()
    assert last == "end"
    complete, blocked, steps = map(int, counts.split())
    return set(ends), Counts(complete, blocked, 0, steps)


def as_native(ends: Ends) -> set[str]:
    return {
        " ".join("|" + "".join(f" {each}" for each in ("-",) if thread is None) + "".join(
            f" {each}" for each in (thread or ())
        ) for thread in end)
        for end in ends
    }  # fmt: skip


def built(folder: Path, headers: Path) -> Path:
    program = folder / "waits"
    source = ROOT / "tests" / "native" / "waits.cpp"
    command = [str(COMPILER), "-O1", "-std=c++20", f"-I{headers}", f"-I{ROOT / 'native' / 'include'}", "-pthread"]
    subprocess.run([*command, str(source), "-o", str(program)], check=True)
    return program


needs_compiler = pytest.mark.skipif(COMPILER is None, reason="needs a C++ compiler")


@pytest.fixture(scope="module")
def native(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("waits")
    return built(folder, folder)


@needs_compiler
@settings(max_examples=sized(60), deadline=None)
@given(threads=THREADS, name=st.sampled_from(SUPPORTED))
def test_both_engines_find_the_same_ends_in_as_many_runs(native: Path, threads: Threads, name: str) -> None:
    system = made(name, threads)
    try:
        all_ends_of(made(name, threads), most=4_000)
    except TooMany:
        return
    ends, counts = ends_and_counts(system)
    assert native_ends(native, name, threads) == (as_native(ends), counts)


@needs_compiler
@pytest.mark.parametrize("what", TAKEN_BACK)
def test_the_native_search_leaves_nothing_out_that_was_taken_back(native: Path, what: str) -> None:
    name, threads = TAKEN_BACK[what]
    assert native_ends(native, name, threads)[0] == as_native(all_ends_of(made(name, threads)))


NATIVE_MUTANTS = {
    "waits that end ask for nothing that was taken back": (
        "stepped/search/reduction.hpp",
        "if (transition.actor.is_thread()) find_passed_over(transition.actor.thread);",
        "",
        "the one word of a poll",
    ),
    "waits that sleep ask for nothing": (
        "stepped/search/reduction.hpp",
        "        reverse_asleep();\n",
        "",
        "the same, of a thread that is tried first",
    ),
    "answers at one of several words are all the same": (
        "stepped/system.hpp",
        "2 * choice.poll() + (choice.looked() ? 1 : 0)",
        "0",
        "a word of a poll that may end at another one all the time",
    ),
    "a poll has to do with the word alone that it ends at": (
        "stepped/system.hpp",
        "      lines_.use(other.word.line, thread, host, false);\n",
        "",
        "a word that nobody but its writer had to do with",
    ),
}
"""File, the text that is changed, what it is changed to, and the program whose ends this search leaves out."""


@needs_compiler
@pytest.mark.slow
@pytest.mark.parametrize("mutant", NATIVE_MUTANTS)
def test_a_native_search_with_a_gap_leaves_ends_out(mutant: str, tmp_path: Path) -> None:
    """The quick form: both searches visit the same runs, and the gaps of the one in Python are found."""
    file, before, after, what = NATIVE_MUTANTS[mutant]
    headers = tmp_path / "fencepost"
    shutil.copytree(ROOT / "native" / "include" / "fencepost", headers)
    text = (headers / file).read_text()
    assert text.count(before) == 1
    (headers / file).write_text(text.replace(before, after))
    name, threads = TAKEN_BACK[what]
    assert native_ends(built(tmp_path, tmp_path), name, threads)[0] < as_native(all_ends_of(made(name, threads)))
