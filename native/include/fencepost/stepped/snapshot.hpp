// A whole state as a row of numbers, to be held against the model's: native/schedules/lockstep.py makes the same row of that.
#pragma once

#include <cstdint>
#include <vector>

#include "fencepost/stepped/system.hpp"

namespace fencepost::stepped {

using Row = std::vector<Value>;

inline void add_content(const Cells& cells, LineIndex line, Content content, Row& row) {
  for (std::uint32_t word = 0; word < cells.shape().word_counts[line]; ++word) row.push_back(cells.in(content, word));
}

// Of a line that is one host's own: 1, its words. Of another: 0, how many versions, each with its standing and words;
// then of each host since and kept, its dirty copy behind a 1, or 0, and thread and moment of its last store.
inline void add_line(const System& system, LineIndex line, Row& row) {
  const Cells& cells = system.cells();
  const bool own = system.lines().own(line);
  row.push_back(own ? 1 : 0);
  if (own) {
    for (std::uint32_t word = 0; word < cells.shape().word_counts[line]; ++word) row.push_back(cells.word({line, word}));
    return;
  }
  row.push_back(static_cast<Value>(cells.versions(line).size()));
  for (const Version& each : cells.versions(line)) {
    row.push_back(static_cast<Value>(each.standing));
    add_content(cells, line, each.content, row);
  }
  for (Host host = 0; host < cells.shape().host_count; ++host) {
    const Seen seen = cells.seen(host, line);
    const Content dirty = cells.dirty(host, line);
    row.insert(row.end(), {seen.since, seen.kept, dirty != 0 ? 1 : 0});
    if (dirty != 0) add_content(cells, line, dirty, row);
    const Stored stored = cells.stored(host, line);
    row.insert(row.end(), {stored.thread == UINT32_MAX ? -1 : Value{stored.thread}, stored.moment});
  }
}

// Of a thread that has ended: -1. Of another: what it is about to do, last so many watched words, each with the value
// last seen there and whether it is invalidated before each look.
inline void add_pending(const System& system, std::uint32_t thread, Row& row) {
  const Operation* const operation = system.pending(thread);
  if (operation == nullptr) {
    row.push_back(-1);
    return;
  }
  const Value flush = operation->kind == Kind::flush ? static_cast<Value>(operation->flush) : 0;
  row.insert(row.end(), {static_cast<Value>(operation->kind), operation->word.line, operation->word.word});
  row.insert(row.end(), {operation->value, operation->second, operation->channel, flush});
  row.push_back(static_cast<Value>(operation->watched.size()));
  for (const Watched& each : operation->watched) {
    row.insert(row.end(), {each.word.line, each.word.word, each.seen, each.invalidate ? 1 : 0});
  }
}

// Lines, buffers, channels, what each thread is about to do, and what may happen next.
inline Row snapshot(const System& system, std::vector<Transition>& transitions) {
  const Cells& cells = system.cells();
  Row row;
  for (LineIndex line = 0; line < cells.shape().line_count(); ++line) add_line(system, line, row);
  for (std::uint32_t thread = 0; thread < system.thread_count(); ++thread) {
    row.push_back(static_cast<Value>(cells.buffer(thread).size()));
    for (const EntryIndex index : cells.buffer(thread)) {
      const Entry& entry = cells.entry(index);
      row.insert(row.end(), {static_cast<Value>(entry.kind), entry.word.line, entry.word.word, entry.value, entry.number, entry.moment});
    }
  }
  for (std::uint32_t channel = 0; channel < cells.shape().channel_count; ++channel) {
    const auto& messages = cells.messages(channel);
    const std::uint32_t taken = cells.taken_count(channel);
    row.insert(row.end(), {static_cast<Value>(messages.size()), static_cast<Value>(taken)});
    row.insert(row.end(), messages.begin() + taken, messages.end());
  }
  for (std::uint32_t thread = 0; thread < system.thread_count(); ++thread) add_pending(system, thread, row);
  system.transitions(transitions);
  row.push_back(static_cast<Value>(transitions.size()));
  for (const Transition& each : transitions) {
    row.insert(row.end(), {each.actor.thread, each.actor.number, static_cast<Value>(each.choice.bits()), each.lucky ? 1 : 0});
  }
  return row;
}

}  // namespace fencepost::stepped
