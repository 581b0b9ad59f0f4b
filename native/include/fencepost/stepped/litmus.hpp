// Litmus programs as threads of the stepped machine: each instruction an operation, registers as a program's own.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <set>
#include <vector>

#include "fencepost/structures/limits.hpp"
#include "fencepost/litmus/program.hpp"
#include "fencepost/stepped/system.hpp"

namespace fencepost::stepped {

class LitmusThread final : public Program {
 public:
  explicit LitmusThread(const litmus::Thread& thread) : thread_(thread) {}

  const Operation* begin() override {
    registers_.assign(thread_.register_count, 0);
    pc_ = 0;
    return next();
  }

  const Operation* go_on(Result result) override {
    const litmus::Instruction& each = thread_.instructions[pc_++];
    if (each.reg >= 0) registers_[static_cast<std::size_t>(each.reg)] = result.value;
    return next();
  }

  std::vector<Value> returned() const override { return registers_; }

 private:
  Value of(const litmus::Operand& operand) const {
    return operand.reg < 0 ? operand.constant : registers_[static_cast<std::size_t>(operand.reg)] + operand.constant;
  }

  const Operation* next() {
    while (pc_ < thread_.instructions.size() && thread_.instructions[pc_].op == litmus::Op::ifeq) {
      const litmus::Instruction& each = thread_.instructions[pc_];
      pc_ += registers_[static_cast<std::size_t>(each.reg)] == of(each.value) ? 1 : 1 + each.skip;
    }
    if (pc_ == thread_.instructions.size()) return nullptr;
    translate(thread_.instructions[pc_]);
    return &operation_;
  }

  void translate(const litmus::Instruction& each) {
    using litmus::Op;
    operation_ = {};
    if (each.line >= 0) operation_.word.line = static_cast<LineIndex>(each.line);
    if (each.word >= 0) operation_.word.word = static_cast<std::uint32_t>(each.word);
    operation_.value = of(each.value);
    operation_.second = of(each.second);
    switch (each.op) {
      case Op::w: operation_.kind = Kind::store; break;
      case Op::nt:
        operation_.kind = Kind::store;
        operation_.streaming = true;
        break;
      case Op::fl: flush(Buffered::clflush); break;
      case Op::fo: flush(Buffered::clflushopt); break;
      case Op::wb: flush(Buffered::clwb); break;
      case Op::sf: operation_.kind = Kind::store_fence; break;
      case Op::r: operation_.kind = Kind::load; break;
      case Op::xchg: operation_.kind = Kind::exchange; break;
      case Op::cas: operation_.kind = Kind::compare_exchange; break;
      case Op::faa: operation_.kind = Kind::fetch_add; break;
      case Op::mrmw: operation_.kind = Kind::device_add; break;
      case Op::mf: operation_.kind = Kind::full_fence; break;
      case Op::lf: operation_.kind = Kind::load_fence; break;
      case Op::pf: operation_.kind = Kind::prefetch; break;
      default: throw Refused("the stepped machine has no CRASH and no UR: decide this file with `fencepost litmus`");
    }
  }

  void flush(Buffered kind) {
    operation_.kind = Kind::flush;
    operation_.flush = kind;
    operation_.word.word = 0;
  }

  const litmus::Thread& thread_;
  std::vector<Value> registers_;
  std::size_t pc_ = 0;
  Operation operation_;
};

inline Shape shape_of(const litmus::Program& program) {
  Shape shape;
  shape.host_count = program.host_count;
  shape.thread_count = program.threads.size();
  for (const auto& words : program.initial) {
    shape.word_counts.push_back(static_cast<std::uint32_t>(words.size()));
    std::array<Value, words_per_line> initial{};
    std::ranges::copy(words, initial.begin());
    shape.initial.push_back(initial);
  }
  return shape;
}

// The program must outlive the threads.
inline Threads threads_of(const litmus::Program& program) {
  Threads threads;
  for (const litmus::Thread& each : program.threads) {
    for (const litmus::Instruction& instruction : each.instructions) {
      if (instruction.op == litmus::Op::crash || instruction.op == litmus::Op::ur) {
        throw Refused("the stepped machine has no CRASH and no UR: decide this file with `fencepost litmus`");
      }
    }
    threads.hosts.push_back(static_cast<Host>(each.host));
    threads.programs.push_back(std::make_unique<LitmusThread>(each));
  }
  return threads;
}

inline Matrix matrix_of(const litmus::Program& program) {
  Matrix matrix;
  for (std::size_t older = 0; older < buffered_count; ++older) {
    for (std::size_t younger = 0; younger < buffered_count; ++younger) {
      matrix.rows[older][younger] = static_cast<Order>(program.order[older][younger]);
    }
  }
  return matrix;
}

// Refuses a profile that the stepped machine does not know.
inline Profile profile_of(const litmus::Program& program, bool one_host) {
  const litmus::Options& given = program.options;
  if (!given.line_atomic || given.dirty_words_only || given.snapshot || given.crashes) {
    throw Refused("the stepped machine does not support this profile: expected sc, tso, ncx, ncx-nospec, ncx-noevict or "
                  "ncx-lfence");
  }
  return {one_host, given.buffers, given.evict, given.speculate, given.lfence_waits};
}

// The ends of complete runs: the registers of each thread and, if asked for, the words of each line.
class Outcomes {
 public:
  using Outcome = std::vector<Value>;

  explicit Outcomes(bool with_memory) : with_memory_(with_memory) {}

  // Adds what a complete run may end with; calls `meet(outcome)` for each that is new.
  template <class Meet>
  void add(const System& system, Meet&& meet) {
    outcome_.clear();
    for (std::uint32_t thread = 0; thread < system.thread_count(); ++thread) {
      const auto& registers = system.nodes(thread).returned(system.cells().node(thread));
      outcome_.insert(outcome_.end(), registers.begin(), registers.end());
    }
    add_lines(system, 0, meet);
  }

  const std::set<Outcome>& all() const { return all_; }
  void clear() { all_.clear(); }

 private:
  template <class Meet>
  void add_lines(const System& system, LineIndex line, Meet& meet) {
    const Cells& cells = system.cells();
    if (!with_memory_ || line == cells.shape().line_count()) {
      const auto found = all_.lower_bound(outcome_);
      if (found != all_.end() && *found == outcome_) return;
      all_.insert(found, outcome_);
      meet(outcome_);
      return;
    }
    const std::size_t size = outcome_.size();
    const std::uint32_t word_count = cells.shape().word_counts[line];
    bool is_dirty = false;
    for (Host host = 0; host < cells.shape().host_count; ++host) {
      const Content content = cells.dirty(host, line);
      if (content == 0) continue;
      is_dirty = true;
      for (std::uint32_t word = 0; word < word_count; ++word) outcome_.push_back(cells.in(content, word));
      add_lines(system, line + 1, meet);
      outcome_.resize(size);
    }
    if (is_dirty) return;
    for (std::uint32_t word = 0; word < word_count; ++word) outcome_.push_back(system.memory().memory(Word{line, word}));
    add_lines(system, line + 1, meet);
    outcome_.resize(size);
  }

  bool with_memory_;
  std::set<Outcome> all_;
  Outcome outcome_;
};

// Says of an outcome whether the program's condition is true of it; never without one.
class Condition {
 public:
  explicit Condition(const litmus::Program& program) : items_(program.condition) {
    std::size_t at = 0;
    for (const litmus::Thread& each : program.threads) at = begin(threads_, at, each.register_count);
    for (const auto& words : program.initial) at = begin(lines_, at, words.size());
  }

  bool holds(const Outcomes::Outcome& outcome) {
    using What = litmus::Item::What;
    if (items_.empty()) return false;
    stack_.clear();
    for (const litmus::Item& item : items_) {
      if (item.what == What::atom) {
        const std::size_t begin = item.thread >= 0 ? threads_[static_cast<std::size_t>(item.thread)] : lines_[item.line];
        stack_.push_back((outcome[begin + item.reg] == item.value) == item.equal);
      } else if (item.what == What::negate) {
        stack_.back() = !stack_.back();
      } else {
        const bool right = stack_.back();
        stack_.pop_back();
        stack_.back() = item.what == What::both ? stack_.back() && right : stack_.back() || right;
      }
    }
    return stack_.back();
  }

 private:
  static std::size_t begin(std::vector<std::size_t>& begins, std::size_t at, std::size_t count) {
    begins.push_back(at);
    return at + count;
  }

  const std::vector<litmus::Item>& items_;
  std::vector<std::size_t> threads_;  // where the registers of each thread begin in an outcome
  std::vector<std::size_t> lines_;    // where the words of each line begin, if they are there
  std::vector<bool> stack_;
};

}  // namespace fencepost::stepped
