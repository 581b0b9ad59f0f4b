// NCX: the state of a litmus program as a row of ids, and what each kind of step does to it.
//
// The same machine as model/memory/machine.py and model/litmus/effects.py, written again. With `reduced`, a host's copy
// is chosen when it is used; without, it is fetched and evicted by steps of its own.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "fencepost/litmus/program.hpp"
#include "fencepost/litmus/values.hpp"

namespace fencepost::litmus {

// pcs, buffer lengths, memory, cells (host-major), registers, then the buffers' entries, thread after thread.
using State = std::vector<Id>;

class Machine {
 public:
  explicit Machine(const Program& program)
      : program_(program),
        thread_count_(program.threads.size()),
        line_count_(program.initial.size()),
        memory_at_(2 * thread_count_),
        cells_at_(memory_at_ + line_count_),
        registers_at_(cells_at_ + program.host_count * line_count_) {
    std::size_t at = registers_at_;
    for (const Thread& thread : program.threads) {
      ahead_.emplace_back(thread, program.initial);
      register_base_.push_back(at);
      at += thread.register_count;
      std::vector<Id> entries;
      for (const Instruction& each : thread.instructions) {
        entries.push_back(is_buffered(each.op) && each.value.reg < 0 ? entry(each, each.value.constant) : absent);
      }
      constant_entries_.push_back(std::move(entries));
    }
    entries_at_ = at;
    for (const auto& words : program.initial) partial_.push_back(words.size() > 1);
  }

  State initial() {
    State s(entries_at_, 0);
    for (std::size_t line = 0; line < line_count_; ++line) {
      std::vector<Id> words;
      for (const std::int64_t value : program_.initial[line]) words.push_back(values_.word(value));
      s[memory_at_ + line] = values_.content(words);
    }
    const Id zero = values_.word(0);
    for (std::size_t at = registers_at_; at < entries_at_; ++at) s[at] = zero;
    return s;
  }

  // --- reading a state ---

  std::size_t pc(const State& s, std::size_t thread) const { return s[thread]; }
  std::size_t length(const State& s, std::size_t thread) const { return s[thread_count_ + thread]; }
  Id memory(const State& s, std::size_t line) const { return s[memory_at_ + line]; }
  Id cell_id(const State& s, std::size_t host, std::size_t line) const {
    return s[cells_at_ + host * line_count_ + line];
  }
  const Cell& cell(const State& s, std::size_t host, std::size_t line) const {
    return values_.cell_of(cell_id(s, host, line));
  }
  Id reg(const State& s, std::size_t thread, std::size_t index) const { return s[register_base_[thread] + index]; }
  std::size_t buffer_at(const State& s, std::size_t thread) const {
    std::size_t at = entries_at_;
    for (std::size_t each = 0; each < thread; ++each) at += s[thread_count_ + each];
    return at;
  }
  const Entry& entry_at(const State& s, std::size_t at) const { return values_.entry_of(s[at]); }

  bool at_end(const State& s, std::size_t thread) const { return s[thread] == code(thread).size(); }
  bool ended(const State& s) const {
    for (std::size_t thread = 0; thread < thread_count_; ++thread) {
      if (!at_end(s, thread)) return false;
    }
    return true;
  }
  bool all_drained(const State& s) const { return s.size() == entries_at_; }
  bool settled(const State& s) const {
    if (!all_drained(s) || !ended(s)) return false;
    for (std::size_t at = cells_at_; at < registers_at_; ++at) {
      if (values_.cell_of(s[at]).mask > 0) return false;
    }
    return true;
  }

  bool blocked(const State& s, std::size_t begin, std::size_t index) const {
    const Entry& younger = entry_at(s, begin + index);
    for (std::size_t i = 0; i < index; ++i) {
      const Entry& older = entry_at(s, begin + i);
      const Order order = program_.order[static_cast<std::size_t>(older.kind)][static_cast<std::size_t>(younger.kind)];
      if (order == Order::always) return true;
      if (older.line != younger.line) continue;
      if (order == Order::same_line || (order == Order::same_word && older.word == younger.word)) return true;
    }
    return false;
  }

  std::int64_t value(const State& s, std::size_t thread, const Operand& operand) const {
    if (operand.reg < 0) return operand.constant;
    return values_.number(reg(s, thread, static_cast<std::size_t>(operand.reg))) + operand.constant;
  }

  // --- what steps do ---

  void enter(State& s, std::size_t thread) {
    const Instruction& each = code(thread)[s[thread]];
    const Id id = each.value.reg < 0 ? constant_entries_[thread][s[thread]] : entry(each, value(s, thread, each.value));
    const std::size_t at = buffer_at(s, thread) + length(s, thread);
    s.insert(s.begin() + static_cast<std::ptrdiff_t>(at), id);
    ++s[thread_count_ + thread];
    ++s[thread];
  }

  // Every content that this host's copy of the line may have when it is next used.
  void choices(const State& s, std::size_t host, std::size_t line, std::vector<Id>& into) const {
    const Cell& each = cell(s, host, line);
    into = each.contents;
    const Id now = memory(s, line);
    if (each.mask == 0 && std::find(into.begin(), into.end(), now) == into.end()) into.push_back(now);
  }

  // As choices, for an entry that drains: more than one only where the rest of a line matters.
  void bases(const State& s, std::size_t thread, const Entry& each, std::vector<Id>& into) const {
    if (each.kind == Kind::sf) {
      into.assign(1, 0);
      return;
    }
    choices(s, host(thread), each.line, into);
    if (each.kind != Kind::w || !partial_[each.line]) into.resize(1);
  }

  void drain(State& s, std::size_t thread, std::size_t index, Id content) {
    const std::size_t at = buffer_at(s, thread) + index;
    const Entry each = entry_at(s, at);
    s.erase(s.begin() + static_cast<std::ptrdiff_t>(at));
    --s[thread_count_ + thread];
    if (each.kind == Kind::sf) return;
    const std::size_t its_host = host(thread);
    Id& held = s[cells_at_ + its_host * line_count_ + each.line];
    if (each.kind == Kind::w) {
      held = dirtied(held, content, each.word, each.value);
      return;
    }
    if (each.kind == Kind::nt) {  // one step: nobody sees the line between its write-back and the word
      const Id reaching = this->reaching(s, its_host, each.line);
      held = absent;
      store(s, its_host, each.line, values_.changed(reaching, each.word, each.value));
      return;
    }
    write_back(s, its_host, each.line);
    if (each.kind != Kind::wb) held = absent;
  }

  void load(State& s, std::size_t thread, Id content) {
    const Instruction& each = code(thread)[s[thread]];
    const auto line = static_cast<std::size_t>(each.line);
    const auto word = static_cast<std::size_t>(each.word);
    const Id old = values_.word_of(content, word);
    took(s, host(thread), line, content);
    if (is_locked(each.op)) {
      const std::int64_t given = value(s, thread, each.value);
      const std::int64_t before = values_.number(old);
      // A compare-exchange that fails writes what it found.
      const std::int64_t after = each.op == Op::cas   ? (before == given ? value(s, thread, each.second) : before)
                                 : each.op == Op::faa ? before + given
                                                      : given;
      Id& held = s[cells_at_ + host(thread) * line_count_ + line];
      held = dirtied(held, content, word, values_.word(after));
    }
    assign(s, thread, old);
  }

  void assign(State& s, std::size_t thread, Id word) {
    s[register_base_[thread] + static_cast<std::size_t>(code(thread)[s[thread]].reg)] = word;
    ++s[thread];
  }

  void device_add(State& s, std::size_t thread) {
    const Instruction& each = code(thread)[s[thread]];
    const auto line = static_cast<std::size_t>(each.line);
    const auto word = static_cast<std::size_t>(each.word);
    const Id reaching = this->reaching(s, host(thread), line);
    const Id old = values_.word_of(reaching, word);
    const Id added = values_.word(values_.number(old) + value(s, thread, each.value));
    drop(s, host(thread), line);
    store(s, host(thread), line, values_.changed(reaching, word, added));
    assign(s, thread, old);
  }

  void prefetch(State& s, std::size_t thread) {
    const auto line = static_cast<std::size_t>(code(thread)[s[thread]].line);
    Id& held = s[cells_at_ + host(thread) * line_count_ + line];
    if (values_.cell_of(held).mask == 0) held = values_.joined(held, memory(s, line));
    ++s[thread];
  }

  void took(State& s, std::size_t host, std::size_t line, Id content) {
    Id& held = s[cells_at_ + host * line_count_ + line];
    if (values_.cell_of(held).mask != 0) return;
    if (!program_.options.reduced || !program_.options.evict) {
      held = values_.one(-1, content);
    } else {
      held = program_.options.speculate && content == memory(s, line) ? absent : values_.one(0, content);
    }
  }

  // What memory has of a line when this host's copy has been written back.
  Id reaching(const State& s, std::size_t host, std::size_t line) {
    const std::int16_t mask = cell(s, host, line).mask;
    if (mask <= 0) return memory(s, line);
    const Id content = cell(s, host, line).contents[0];
    if (!program_.options.dirty_words_only) return content;
    Id reaches = memory(s, line);
    for (std::size_t word = 0; word < program_.initial[line].size(); ++word) {
      if ((mask >> word & 1) != 0) reaches = values_.changed(reaches, word, values_.word_of(content, word));
    }
    return reaches;
  }

  void write_back(State& s, std::size_t host, std::size_t line) {
    Id& held = s[cells_at_ + host * line_count_ + line];
    if (values_.cell_of(held).mask <= 0) return;
    const Id content = values_.cell_of(held).contents[0];
    store(s, host, line, reaching(s, host, line));
    held = absent;
    took(s, host, line, content);
  }

  void tear(State& s, std::size_t host, std::size_t line, std::size_t word) {
    Id& held = s[cells_at_ + host * line_count_ + line];
    const Id content = values_.cell_of(held).contents[0];
    const auto mask = static_cast<std::int16_t>(values_.cell_of(held).mask & ~(1 << word));
    store(s, host, line, values_.changed(memory(s, line), word, values_.word_of(content, word)));
    held = mask != 0 ? values_.one(mask, content) : absent;
    if (mask == 0) took(s, host, line, content);
  }

  void drop(State& s, std::size_t host, std::size_t line) { s[cells_at_ + host * line_count_ + line] = absent; }

  void crash(State& s, std::size_t host) {
    if (program_.options.crash == Crash::gpf) {
      for (std::size_t line = 0; line < line_count_; ++line) write_back(s, host, line);
    }
    for (std::size_t line = 0; line < line_count_; ++line) {
      drop(s, host, line);
      if (program_.options.crash == Crash::device) {
        store(s, host, line, values_.content(std::vector<Id>(program_.initial[line].size(), values_.word(0))));
      }
    }
    for (std::size_t thread = 0; thread < thread_count_; ++thread) {
      if (this->host(thread) != host) continue;
      const auto at = s.begin() + static_cast<std::ptrdiff_t>(buffer_at(s, thread));
      s.erase(at, at + static_cast<std::ptrdiff_t>(length(s, thread)));
      s[thread_count_ + thread] = 0;
      lose_registers(s, thread);
      s[thread] = static_cast<Id>(code(thread).size());
    }
  }

  const std::vector<Instruction>& code(std::size_t thread) const { return program_.threads[thread].instructions; }
  std::size_t host(std::size_t thread) const { return program_.threads[thread].host; }
  std::size_t thread_count() const { return thread_count_; }
  std::size_t line_count() const { return line_count_; }
  std::size_t host_count() const { return program_.host_count; }
  bool partial(std::size_t line) const { return partial_[line]; }
  const Lookahead& ahead(std::size_t thread) const { return ahead_[thread]; }
  const Program& program() const { return program_; }
  const Values& values() const { return values_; }

 private:
  // What the thread would still have assigned has no value. Up to its next load or atomic, its way depends on nothing
  // but its registers, so it counts as gone.
  void lose_registers(State& s, std::size_t thread) {
    const std::vector<Instruction>& instructions = code(thread);
    std::size_t at = s[thread];
    while (at < instructions.size() && !assigns(instructions[at].op)) {
      const Instruction& each = instructions[at++];
      if (each.op != Op::ifeq) continue;
      const std::int64_t held = values_.number(reg(s, thread, static_cast<std::size_t>(each.reg)));
      if (held != value(s, thread, each.value)) at += each.skip;
    }
    for (; at < instructions.size(); ++at) {
      if (!assigns(instructions[at].op)) continue;
      s[register_base_[thread] + static_cast<std::size_t>(instructions[at].reg)] = values_.word(no_value);
    }
  }

  Id entry(const Instruction& each, std::int64_t value) {
    return values_.entry({kind_of(each.op), static_cast<std::uint16_t>(each.line < 0 ? UINT16_MAX : each.line),
                          static_cast<std::uint16_t>(each.word < 0 ? 0 : each.word), values_.word(value)});
  }

  Id dirtied(Id held, Id content, std::size_t word, Id value) {
    const std::int16_t mask = values_.cell_of(held).mask;
    return values_.one(static_cast<std::int16_t>((mask > 0 ? mask : 0) | 1 << word),
                       values_.changed(content, word, value));
  }

  // Memory changes; in larger steps, the other hosts may have fetched what was there a moment ago.
  void store(State& s, std::size_t host, std::size_t line, Id content) {
    const Id old = memory(s, line);
    if (old == content) return;
    s[memory_at_ + line] = content;
    if (!program_.options.reduced || !program_.options.speculate) return;
    for (std::size_t other = 0; other < program_.host_count; ++other) {
      Id& held = s[cells_at_ + other * line_count_ + line];
      if (other != host && values_.cell_of(held).mask == 0) held = values_.without(values_.joined(held, old), content);
    }
  }

  const Program& program_;
  std::size_t thread_count_, line_count_, memory_at_, cells_at_, registers_at_, entries_at_ = 0;
  std::vector<std::size_t> register_base_;
  std::vector<Lookahead> ahead_;
  std::vector<std::vector<Id>> constant_entries_;
  std::vector<bool> partial_;
  Values values_;
};

}  // namespace fencepost::litmus
