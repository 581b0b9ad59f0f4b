// A litmus program from rows of integers; every number is checked here, so that the explorer need not.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "fencepost/structures/limits.hpp"
#include "fencepost/litmus/program.hpp"
#include "fencepost/litmus/search.hpp"

namespace fencepost::litmus {

using Row = std::vector<std::int64_t>;
using Rows = std::vector<Row>;

// Rows as native/schedules/litmus.py writes them.
struct Arguments {
  Rows threads;       // host, register count
  Rows instructions;  // thread, op, line, word, register, value, its register, second value, its register, skip
  Rows lines;         // initial words
  Rows condition;     // what, thread, register or word, line, value, equal
  Row matrix;         // older-major, 0 free, 1 same word, 2 same line, 3 always
  Row options;        // as the fields of Options
  std::int64_t host_count = 0;
};

inline constexpr std::int64_t count_max = 60'000;  // of threads, lines, instructions: below the largest 16-bit id
inline constexpr std::int64_t constant_max = std::int64_t{1} << 31;

inline std::int64_t checked(const char* what, std::int64_t value, std::int64_t low, std::int64_t high) {
  if (value < low || value > high) refuse_value(what, value, low, high);
  return value;
}

inline std::size_t checked_size(const char* what, std::int64_t value, std::int64_t low, std::int64_t high) {
  return static_cast<std::size_t>(checked(what, value, low, high));
}

inline const Row& of_width(const char* what, const Row& row, std::size_t width) {
  checked((std::string("width of a row of ") + what).c_str(), static_cast<std::int64_t>(row.size()),
          static_cast<std::int64_t>(width), static_cast<std::int64_t>(width));
  return row;
}

inline Instruction to_instruction(const Row& row, const Program& program, std::int64_t register_count) {
  Instruction each;
  const std::int64_t last_line = static_cast<std::int64_t>(program.initial.size()) - 1;
  each.op = static_cast<Op>(checked("op", row[1], 0, op_count - 1));
  const bool names_line = is_access(each.op) || each.op == Op::fl || each.op == Op::fo || each.op == Op::wb || each.op == Op::pf;
  each.line = checked("line", row[2], names_line ? 0 : -1, last_line);
  const std::int64_t words =
      each.line < 0 ? 0 : static_cast<std::int64_t>(program.initial[static_cast<std::size_t>(each.line)].size());
  each.word = checked("word", row[3], is_access(each.op) ? 0 : -1, words - 1);
  each.reg = checked("register", row[4], assigns(each.op) || each.op == Op::ifeq ? 0 : -1, register_count - 1);
  each.value = {checked("value", row[5], -constant_max, constant_max), checked("register", row[6], -1, register_count - 1)};
  each.second = {checked("value", row[7], -constant_max, constant_max),
                 checked("register", row[8], -1, register_count - 1)};
  each.skip = checked_size("skip", row[9], 0, count_max);
  return each;
}

inline Item to_item(const Row& row, const Program& program) {
  Item item;
  item.what = static_cast<Item::What>(checked("kind of item", row[0], 0, 3));
  if (item.what != Item::What::atom) return item;
  item.thread = checked("thread", row[1], -1, static_cast<std::int64_t>(program.threads.size()) - 1);
  std::int64_t count = 0;
  if (item.thread >= 0) {
    count = static_cast<std::int64_t>(program.threads[static_cast<std::size_t>(item.thread)].register_count);
  } else {
    item.line = checked_size("line", row[3], 0, static_cast<std::int64_t>(program.initial.size()) - 1);
    count = static_cast<std::int64_t>(program.initial[item.line].size());
  }
  item.reg = checked_size("register or word", row[2], 0, count - 1);
  item.value = row[4];
  item.equal = row[5] != 0;
  return item;
}

inline Options to_options(const Row& row) {
  of_width("options", row, 11);
  Options options;
  options.buffers = row[0] != 0;
  options.evict = row[1] != 0;
  options.speculate = row[2] != 0;
  options.line_atomic = row[3] != 0;
  options.dirty_words_only = row[4] != 0;
  options.lfence_waits = row[5] != 0;
  options.snapshot = row[6] != 0;
  options.memory_matters = row[7] != 0;
  options.reduced = row[8] != 0;
  options.crash = static_cast<Crash>(checked("crash", row[9], 0, 2));
  options.crashes = row[10] != 0;
  return options;
}

// The operators must leave exactly one truth value: an evaluation reads no further.
inline void check_postfix(const std::vector<Item>& items) {
  std::int64_t depth = 0;
  for (const Item& item : items) {
    if (item.what == Item::What::atom) {
      ++depth;
    } else {
      checked("operands of an operator", depth, item.what == Item::What::negate ? 1 : 2, count_max);
      depth -= item.what == Item::What::negate ? 0 : 1;
    }
  }
  if (!items.empty()) checked("values of the condition", depth, 1, 1);
}

inline Program to_program(const Arguments& given) {
  Program program;
  program.host_count = checked_size("host count", given.host_count, 1, count_max);
  program.options = to_options(given.options);
  for (const Row& words : given.lines) {
    checked("words of a line", static_cast<std::int64_t>(words.size()), 1, 8);
    program.initial.push_back(words);
  }
  checked("lines", static_cast<std::int64_t>(program.initial.size()), 0, count_max);
  checked("threads", static_cast<std::int64_t>(given.threads.size()), 1, count_max);
  for (const Row& row : given.threads) {
    of_width("threads", row, 2);
    program.threads.push_back({checked_size("host", row[0], 0, given.host_count - 1),
                               checked_size("register count", row[1], 0, count_max), {}});
  }
  checked("instructions", static_cast<std::int64_t>(given.instructions.size()), 0, count_max);
  for (const Row& row : given.instructions) {
    of_width("instructions", row, 10);
    Thread& thread = program.threads[checked_size("thread", row[0], 0, static_cast<std::int64_t>(program.threads.size()) - 1)];
    thread.instructions.push_back(to_instruction(row, program, static_cast<std::int64_t>(thread.register_count)));
  }
  for (const Thread& thread : program.threads) {
    const auto count = static_cast<std::int64_t>(thread.instructions.size());
    for (std::int64_t pc = 0; pc < count; ++pc) {
      checked("skip", static_cast<std::int64_t>(thread.instructions[static_cast<std::size_t>(pc)].skip), 0, count - pc - 1);
    }
  }
  of_width("matrix", given.matrix, kind_count * kind_count);
  for (std::size_t at = 0; at < given.matrix.size(); ++at) {
    program.order[at / kind_count][at % kind_count] = static_cast<Order>(checked("order", given.matrix[at], 0, 3));
  }
  for (const Row& row : given.condition) program.condition.push_back(to_item(of_width("condition", row, 6), program));
  check_postfix(program.condition);
  return program;
}

inline Result explore(const Arguments& given, Budget budget, void (*interrupted)()) {
  const Program program = to_program(given);
  return Search(program, budget, interrupted).run();
}

}  // namespace fencepost::litmus
