"""Sequencers in C++ whose attempts wait for each other, and one that acknowledges too early, as in Python."""

from __future__ import annotations

import shutil
import subprocess
import sys
import sysconfig
from importlib.util import module_from_spec, spec_from_file_location
from types import ModuleType

import pytest

from fencepost.comparing.run import compare
from fencepost.model.contract import Verdict
from fencepost.native import include_directory

DESIGNS = r"""
#include "fencepost/adapter.hpp"

#include <cstdlib>
#include <string>

class Mine {
 public:
  void begin(std::size_t, std::size_t client_count) {
    design_ = std::getenv("DESIGN");
    next_.assign(client_count, 0);
    acked_.assign(client_count, 0);
  }

  fencepost::Answer try_order(fencepost::Turn& turn, std::size_t ring, std::size_t client, std::uint64_t seq,
                              std::uint64_t count) {
    const std::uint64_t ticket = ticket_count_++;
    if (design_ == "ticket") {
      while (serving_ != ticket) turn.pass();
    } else if (design_ == "two-locks") {
      lock(turn, ring == 0 ? 1 : 0);
      lock(turn, ring == 0 ? 0 : 1);
    } else {
      lock(turn, 0);
    }
    const fencepost::Answer answer = ordered(turn, client, seq, count);
    turn.pass();
    ++serving_;
    locked_[0] = locked_[1] = false;
    return answer;
  }

  std::uint64_t acknowledged(std::size_t client) { return acked_[client]; }
  std::uint64_t issued() { return counter_; }

 private:
  void lock(fencepost::Turn& turn, std::size_t which) {
    while (locked_[which]) turn.pass();
    locked_[which] = true;
    turn.pass();
  }

  fencepost::Answer ordered(fencepost::Turn& turn, std::size_t client, std::uint64_t seq, std::uint64_t count) {
    if (seq < next_[client]) return fencepost::Answer::duplicate();
    if (seq > next_[client]) return fencepost::Answer::later();
    if (design_ == "acked-before-ordered") acked_[client] = seq + 1;
    turn.pass();
    const std::uint64_t start = counter_;
    counter_ += count;
    turn.pass();
    next_[client] = acked_[client] = seq + 1;
    return fencepost::Answer::ordered(start);
  }

  std::string design_;
  std::vector<std::uint64_t> next_, acked_;
  std::uint64_t counter_ = 0, ticket_count_ = 0, serving_ = 0;
  bool locked_[2] = {false, false};
};

FENCEPOST_SEQUENCER(waiting, Mine)
"""
COMPILER = shutil.which("c++") or shutil.which("g++")


@pytest.fixture(scope="module")
def in_cpp(tmp_path_factory: pytest.TempPathFactory) -> ModuleType:
    """The designs in C++, in one module; the environment says which."""
    import pybind11

    folder = tmp_path_factory.mktemp("waiting")
    source, module = folder / "waiting.cpp", folder / f"waiting{sysconfig.get_config_var('EXT_SUFFIX')}"
    source.write_text(DESIGNS)
    includes = [f"-I{each}" for each in (include_directory(), pybind11.get_include(), sysconfig.get_path("include"))]
    flags = ["-std=c++20", "-O0", "-shared", "-fPIC", "-fvisibility=hidden", *includes]
    subprocess.run([str(COMPILER), *flags, str(source), "-o", str(module)], check=True)
    spec = spec_from_file_location("waiting", module)
    assert spec is not None
    assert spec.loader is not None
    loaded = sys.modules["waiting"] = module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


@pytest.mark.skipif(COMPILER is None, reason="needs a C++ compiler")
@pytest.mark.parametrize(
    ("design", "property", "sentence"),
    [
        ("spin", None, ""),
        ("ticket", None, ""),
        ("two-locks", "drained", "scanner 0 passed its turn 2,000 times, waiting for scanner 1 at work on"),
        ("acked-before-ordered", "ack-safe", "scanner 0 is at work on client 0 batch 0, and 0 positions are issued"),
    ],
)
def test_a_waiting_sequencer_in_cpp_is_judged_alike(
    in_cpp: ModuleType, monkeypatch: pytest.MonkeyPatch, design: str, property: str | None, sentence: str
) -> None:
    monkeypatch.setenv("DESIGN", design)
    (row,) = compare(in_cpp, level=4, examples=150, seed=1).rows
    if property is None:
        assert row.verdict is Verdict.NOT_FOUND, row.counterexample
    else:
        assert row.counterexample is not None
        assert row.counterexample.property == property
        assert sentence in row.counterexample.sentence
