"""Plug a sequencer of your own into `fencepost.compare`, in Python and in C++, and see what is wrong with it.

Both are wrong on purpose. The Python one advances its client's next seq before it takes the range: in between, the
successor may take its own. The C++ one reads the global counter and writes it back, instead of one fetch_add.

Run it by `python examples/08_compare_your_own.py`; the second half needs a C++20 compiler.
"""

import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Generator
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import pybind11

from fencepost import compare, native
from fencepost.native import Answer, AttemptOutcome
from fencepost.reports.compare import CompareReport

SEED = 7
EXAMPLES = 2_000


class Hasty:
    """order 4 by a compare-and-swap on the client's next seq, and then a fetch_add."""

    def begin(self, ring_count: int, client_count: int) -> None:
        self.next = [0] * client_count
        self.counter = 0
        self.done = [0] * client_count

    def try_order(self, ring: int, client: int, seq: int, count: int) -> Generator[None, None, Answer]:
        expected = self.next[client]
        yield  # another scanner may go on here
        if seq < expected:
            return AttemptOutcome.DUPLICATE, -1
        if seq > expected or self.next[client] != expected:
            return AttemptOutcome.LATER, -1
        self.next[client] = seq + 1
        yield  # and here: that is the fault
        start, self.counter = self.counter, self.counter + count
        self.done[client] += 1
        return AttemptOutcome.ORDERED, start

    def acknowledged(self, client: int) -> int:
        return self.done[client]

    def issued(self) -> int:
        return self.counter


TORN = """
#include "fencepost/adapter.hpp"

// order 5 by a counter that is read, and then written.
class Torn {
 public:
  void begin(std::size_t, std::size_t client_count) { done_.assign(client_count, 0); }

  fencepost::Answer try_order(fencepost::Turn& turn, std::size_t, std::size_t client, std::uint64_t,
                              std::uint64_t count) {
    const std::uint64_t start = counter_;
    turn.pass();
    counter_ = start + count;
    ++done_[client];
    return fencepost::Answer::ordered(start);
  }

  std::uint64_t acknowledged(std::size_t client) { return done_[client]; }
  std::uint64_t issued() { return counter_; }

 private:
  std::uint64_t counter_ = 0;
  std::vector<std::uint64_t> done_;
};

FENCEPOST_SEQUENCER(torn, Torn)
"""


def compiled(folder: Path) -> ModuleType:
    """Compile the C++ sequencer and load it."""
    source, module = folder / "torn.cpp", folder / f"torn{sysconfig.get_config_var('EXT_SUFFIX')}"
    source.write_text(TORN)
    includes = (native.include_directory(), pybind11.get_include(), sysconfig.get_path("include"))
    flags = ["-std=c++20", "-O1", "-shared", "-fPIC", "-fvisibility=hidden", *(f"-I{each}" for each in includes)]
    subprocess.run([shutil.which("c++") or "g++", *flags, str(source), "-o", str(module)], check=True)
    spec = spec_from_file_location("torn", module)
    assert spec is not None
    assert spec.loader is not None
    loaded = module_from_spec(spec)
    sys.modules["torn"] = loaded
    spec.loader.exec_module(loaded)
    return loaded


def show(name: str, found: CompareReport) -> None:
    """Print the smallest example that was found."""
    for counterexample in found.counterexamples:
        print(f"{name}: {found.verdict}, {counterexample.property}: {counterexample.sentence}")
        for line in counterexample.lines:
            print(f"    {line}")


show("Hasty at level 4", compare(Hasty, level=4, examples=EXAMPLES, seed=SEED))
with tempfile.TemporaryDirectory() as folder:
    show("Torn at level 5", compare(compiled(Path(folder)), level=5, examples=EXAMPLES, seed=SEED))
