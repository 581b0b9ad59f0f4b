// What a litmus program may do at once, without losing an end of a run; the reasons are in model/litmus/reduced.py, by the
// same numbers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "fencepost/litmus/machine.hpp"

namespace fencepost::litmus {

class AtOnce {
 public:
  explicit AtOnce(Machine& machine)
      : machine_(machine), options_(machine.program().options), uncached_(machine.program().initial.size()) {
    fragile_ = options_.snapshot || options_.crashes;
    for (const Thread& thread : machine.program().threads) {
      for (const Instruction& each : thread.instructions) {
        fragile_ = fragile_ || each.op == Op::crash;
        if (each.op == Op::ur) uncached_.at(static_cast<std::size_t>(each.line)) = 1;
      }
    }
  }

  // Does all that may be done at once; nothing when steps are the definition's own.
  void hasten(State& s) {
    if (!options_.reduced) return;
    for (bool progress = true; progress;) {
      progress = false;
      for (std::size_t thread = 0; thread < machine_.thread_count(); ++thread) {
        while (issue_at_once(s, thread) || drain_at_once(s, thread)) progress = true;
      }
    }
    if (options_.memory_matters && machine_.all_drained(s) && machine_.ended(s)) finish(s);
    forget(s);
  }

 protected:
  // 5: a load of a line that nobody will store to any more.
  bool goes_first(const State& s, std::size_t thread) const {
    if (fragile_ || !options_.evict || machine_.at_end(s, thread)) return false;
    const Instruction& each = machine_.code(thread)[machine_.pc(s, thread)];
    if (each.op != Op::r) return false;
    const auto line = static_cast<std::size_t>(each.line);
    if (dirty_elsewhere(s, machine_.host(thread), line)) return false;
    for (std::size_t other = 0; other < machine_.thread_count(); ++other) {
      if (other == thread) continue;
      if (machine_.ahead(other).stores(machine_.pc(s, other), line) || holds(s, other, line)) return false;
    }
    return true;
  }

  // 2: entering the buffer, and what only moves the thread on. Changes the state when it says yes.
  bool quietly(State& s, std::size_t thread, const Instruction& each) {
    if (is_buffered(each.op)) {
      if (!options_.buffers) return false;
      machine_.enter(s, thread);
      return true;
    }
    if (each.op == Op::ifeq) {
      const std::int64_t given = machine_.values().number(machine_.reg(s, thread, static_cast<std::size_t>(each.reg)));
      const bool equal = given == machine_.value(s, thread, each.value);
      s[thread] = narrow(s[thread] + 1 + (equal ? 0 : each.skip));
      return true;
    }
    const bool may = (each.op == Op::mf && machine_.length(s, thread) == 0) ||
                     (each.op == Op::lf && !(options_.lfence_waits && flushes(s, thread))) ||
                     (each.op == Op::pf && options_.speculate);
    if (may) ++s[thread];
    return may;
  }

  bool issue_at_once(State& s, std::size_t thread) {
    return !machine_.at_end(s, thread) && quietly(s, thread, machine_.code(thread)[machine_.pc(s, thread)]);
  }

  bool drain_at_once(State& s, std::size_t thread) {
    const std::size_t begin = machine_.buffer_at(s, thread);
    for (std::size_t index = 0; index < machine_.length(s, thread); ++index) {
      if (machine_.blocked(s, begin, index) || !unnoticed(s, thread, machine_.entry_at(s, begin + index))) continue;
      machine_.bases(s, thread, machine_.entry_at(s, begin + index), choices_);
      machine_.drain(s, thread, index, choices_[0]);
      return true;
    }
    return false;
  }

  // 2, 3, 4.
  bool unnoticed(const State& s, std::size_t thread, const Entry& each) const {
    if (each.kind == Kind::sf) return true;
    const std::size_t host = machine_.host(thread);
    const Cell& cell = machine_.cell(s, host, each.line);
    const bool alone = !noticed(s, host, each.line);
    const bool plain = cell.mask != 0 || cell.contents.empty();
    if (each.kind == Kind::w || each.kind == Kind::nt) {
      return alone && !siblings_touch(s, thread, each.line) && (plain || !machine_.partial(each.line));
    }
    if (alone && plain && cell.mask >= 0) return true;
    if (cell.mask > 0) return false;
    for (std::size_t other = 0; other < machine_.thread_count(); ++other) {
      if (machine_.host(other) == host && holds(s, other, each.line)) return false;
    }
    return !machine_.ahead(thread).before(machine_.pc(s, thread), each.line) && !siblings_touch(s, thread, each.line);
  }

  bool noticed(const State& s, std::size_t host, std::size_t line) const {
    if (fragile_ || uncached_[line] != 0 || dirty_elsewhere(s, host, line)) return true;
    for (std::size_t thread = 0; thread < machine_.thread_count(); ++thread) {
      if (machine_.host(thread) != host && may_touch(s, thread, line)) return true;
    }
    return false;
  }

  bool siblings_touch(const State& s, std::size_t thread, std::size_t line) const {
    for (std::size_t other = 0; other < machine_.thread_count(); ++other) {
      if (other != thread && machine_.host(other) == machine_.host(thread) && may_touch(s, other, line)) return true;
    }
    return false;
  }

  bool may_touch(const State& s, std::size_t thread, std::size_t line) const {
    return machine_.ahead(thread).touches(machine_.pc(s, thread), line) || holds(s, thread, line);
  }

  bool dirty_elsewhere(const State& s, std::size_t host, std::size_t line) const {
    for (std::size_t other = 0; other < machine_.host_count(); ++other) {
      if (other != host && machine_.cell(s, other, line).mask > 0) return true;
    }
    return false;
  }

  bool holds(const State& s, std::size_t thread, std::size_t line) const {
    const std::size_t begin = machine_.buffer_at(s, thread);
    for (std::size_t at = begin; at < begin + machine_.length(s, thread); ++at) {
      const Entry& each = machine_.entry_at(s, at);
      if (each.line == line && (each.kind == Kind::w || each.kind == Kind::nt)) return true;
    }
    return false;
  }

  bool flushes(const State& s, std::size_t thread) const {
    const std::size_t begin = machine_.buffer_at(s, thread);
    for (std::size_t at = begin; at < begin + machine_.length(s, thread); ++at) {
      const Kind kind = machine_.entry_at(s, at).kind;
      if (kind == Kind::fl || kind == Kind::fo) return true;
    }
    return false;
  }

  void finish(State& s) {
    for (std::size_t host = 0; host < machine_.host_count(); ++host) {
      for (std::size_t line = 0; line < machine_.line_count(); ++line) {
        if (machine_.cell(s, host, line).mask > 0 && !noticed(s, host, line)) machine_.write_back(s, host, line);
      }
    }
  }

  // 6.
  void forget(State& s) {
    for (std::size_t host = 0; host < machine_.host_count(); ++host) {
      for (std::size_t line = 0; line < machine_.line_count(); ++line) {
        const Id held = machine_.cell_id(s, host, line);
        if (held != absent && machine_.values().cell_of(held).mask <= 0 && !read_again(s, host, line)) {
          machine_.drop(s, host, line);
        }
      }
    }
  }

  bool read_again(const State& s, std::size_t host, std::size_t line) const {
    for (std::size_t thread = 0; thread < machine_.thread_count(); ++thread) {
      if (machine_.host(thread) != host) continue;
      if (machine_.ahead(thread).reads(machine_.pc(s, thread), line)) return true;
      if (!machine_.partial(line)) continue;
      const std::size_t begin = machine_.buffer_at(s, thread);
      for (std::size_t at = begin; at < begin + machine_.length(s, thread); ++at) {
        const Entry& each = machine_.entry_at(s, at);
        if (each.kind == Kind::w && each.line == line) return true;
      }
    }
    return false;
  }

  static std::uint16_t narrow(std::size_t number) { return static_cast<std::uint16_t>(number); }

  Machine& machine_;
  const Options& options_;
  bool fragile_ = false;  // memory may be looked at in the middle of a run
  std::vector<std::uint8_t> uncached_;  // lines with an uncached load: its own thread notices when a store drains

 private:
  std::vector<Id> choices_;
};

}  // namespace fencepost::litmus
