// A litmus program as the explorer holds it, and what each thread may still do from each of its instructions on.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "fencepost/structures/limits.hpp"

namespace fencepost::litmus {

// Numbered as in model/memory/program.py.
enum class Op : std::uint8_t { w, nt, fl, fo, wb, sf, r, xchg, cas, faa, mrmw, mf, lf, pf, ifeq, crash, ur };
inline constexpr std::int64_t op_count = 17;

// Rows and columns of the ordering matrix, as in model/memory/ordering.py.
enum class Kind : std::uint8_t { w, fl, fo, wb, sf, nt };
inline constexpr std::size_t kind_count = 6;
enum class Order : std::uint8_t { free, same_word, same_line, always };
enum class Crash : std::uint8_t { host, gpf, device };

// Of a register whose thread lost its host before it came to the load; smaller than any value of a program.
inline constexpr std::int64_t no_value = INT64_MIN;

struct Operand {
  std::int64_t constant = 0;
  std::int64_t reg = -1;  // -1: none
};

struct Instruction {
  Op op{};
  std::int64_t line = -1;
  std::int64_t word = -1;
  std::int64_t reg = -1;
  Operand value;
  Operand second;
  std::size_t skip = 0;
};

struct Thread {
  std::size_t host = 0;
  std::size_t register_count = 0;
  std::vector<Instruction> instructions;
};

// One item of a condition in postfix: an atom, or an operator over what is on the stack.
struct Item {
  enum class What : std::uint8_t { atom, both, either, negate } what{};
  std::int64_t thread = -1;  // -1: a word of memory; then `reg` is the word's index in `line`
  std::size_t reg = 0;
  std::size_t line = 0;
  std::int64_t value = 0;
  bool equal = true;
};

struct Options {
  bool buffers = true;
  bool evict = true;
  bool speculate = true;
  bool line_atomic = true;
  bool dirty_words_only = false;
  bool lfence_waits = false;
  bool snapshot = false;  // the condition is about every moment
  bool memory_matters = false;
  bool reduced = true;  // the larger steps of model/litmus/reduced.py; otherwise the definition's own
  Crash crash = Crash::host;
  bool crashes = false;  // at any moment
};

struct Program {
  std::vector<Thread> threads;
  std::vector<std::vector<std::int64_t>> initial;  // line -> words
  std::size_t host_count = 0;
  std::array<std::array<Order, kind_count>, kind_count> order{};  // [older][younger]
  std::vector<Item> condition;                                     // empty: every end is asked for
  Options options;
};

inline bool is_buffered(Op op) { return op <= Op::sf; }
inline bool is_locked(Op op) { return op == Op::xchg || op == Op::cas || op == Op::faa; }
inline bool waits_for_buffer(Op op) { return is_locked(op) || op == Op::mrmw || op == Op::mf; }
inline bool is_store(Op op) { return is_locked(op) || op == Op::w || op == Op::nt || op == Op::mrmw; }
inline bool is_access(Op op) { return is_store(op) || op == Op::r || op == Op::ur; }
inline bool assigns(Op op) { return is_locked(op) || op == Op::r || op == Op::mrmw || op == Op::ur; }
// Answered by the device; the host's own copy is written back and dropped.
inline bool is_past_caches(Op op) { return op == Op::mrmw || op == Op::ur; }

inline Kind kind_of(Op op) {
  switch (op) {
    case Op::w: return Kind::w;
    case Op::nt: return Kind::nt;
    case Op::fl: return Kind::fl;
    case Op::fo: return Kind::fo;
    case Op::wb: return Kind::wb;
    default: return Kind::sf;
  }
}

// For each pc (the last is the end) and each line or register: whether an instruction from there on may still ...
class Lookahead {
 public:
  Lookahead(const Thread& thread, const std::vector<std::vector<std::int64_t>>& lines)
      : line_count_(lines.size()), register_count_(thread.register_count) {
    const std::size_t count = thread.instructions.size();
    for (auto* const sets : {&touches_, &stores_, &reads_, &before_}) sets->assign((count + 1) * line_count_, 0);
    assigns_.assign((count + 1) * register_count_, 0);
    for (std::size_t pc = count; pc-- > 0;) fill(thread.instructions[pc], pc, lines);
  }

  bool touches(std::size_t pc, std::size_t line) const { return touches_[pc * line_count_ + line] != 0; }
  bool stores(std::size_t pc, std::size_t line) const { return stores_[pc * line_count_ + line] != 0; }
  // ... depend on what is in the line: a load, a locked instruction, a store to a part of it.
  bool reads(std::size_t pc, std::size_t line) const { return reads_[pc * line_count_ + line] != 0; }
  // ... touch the line before the next instruction that waits for an empty buffer.
  bool before(std::size_t pc, std::size_t line) const { return before_[pc * line_count_ + line] != 0; }
  bool assigns(std::size_t pc, std::size_t reg) const { return assigns_[pc * register_count_ + reg] != 0; }

 private:
  using Set = std::vector<std::uint8_t>;

  void fill(const Instruction& each, std::size_t pc, const std::vector<std::vector<std::int64_t>>& lines) {
    const std::size_t far = pc + 1 + each.skip;
    for (auto* const sets : {&touches_, &stores_, &reads_, &before_}) join(*sets, pc, far, line_count_);
    join(assigns_, pc, far, register_count_);
    if (each.line >= 0) {
      const auto line = static_cast<std::size_t>(each.line);
      const std::size_t at = pc * line_count_ + line;
      if (is_access(each.op)) touches_[at] = before_[at] = 1;
      if (is_store(each.op)) stores_[at] = 1;
      if (each.op == Op::r || is_locked(each.op) || (each.op == Op::w && lines[line].size() > 1)) reads_[at] = 1;
    }
    if (litmus::assigns(each.op)) assigns_[pc * register_count_ + static_cast<std::size_t>(each.reg)] = 1;
    if (waits_for_buffer(each.op) || each.op == Op::crash) {
      for (std::size_t line = 0; line < line_count_; ++line) before_[pc * line_count_ + line] = 0;
    }
  }

  static void join(Set& sets, std::size_t pc, std::size_t far, std::size_t width) {
    for (std::size_t i = 0; i < width; ++i) {
      sets[pc * width + i] = static_cast<std::uint8_t>(sets[(pc + 1) * width + i] | sets[far * width + i]);
    }
  }

  std::size_t line_count_;
  std::size_t register_count_;
  Set touches_, stores_, reads_, before_, assigns_;
};

}  // namespace fencepost::litmus
