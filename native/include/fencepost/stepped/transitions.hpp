// What may happen in a state: the choices of each pending operation and of each entry of a store buffer.
#pragma once

#include <cstddef>
#include <vector>

#include "fencepost/stepped/cells.hpp"
#include "fencepost/stepped/memory.hpp"
#include "fencepost/stepped/values.hpp"

namespace fencepost::stepped {

// `Emit` is called with each choice and whether it is lucky.
class Transitions {
 public:
  Transitions(const Matrix& matrix, const std::vector<Host>& hosts, const Lines& lines, const Cells& cells,
              const Memory& memory)
      : matrix_(matrix), hosts_(hosts), lines_(lines), cells_(cells), memory_(memory) {}

  bool blocked(const std::vector<EntryIndex>& buffer, std::size_t place) const {
    const Entry& younger = cells_.entry(buffer[place]);
    for (std::size_t at = 0; at < place; ++at) {
      const Entry& older = cells_.entry(buffer[at]);
      const bool is_same_line = same_line(older, younger);
      const bool is_same_word = is_same_line && older.word.word == younger.word.word;
      if (matrix_.blocks(older.kind, younger.kind, is_same_line, is_same_word)) return true;
    }
    return false;
  }

  // A fence names no line, and is on one line with other fences.
  static bool same_line(const Entry& older, const Entry& younger) {
    const bool one = older.kind == Buffered::fence, other = younger.kind == Buffered::fence;
    return one == other && (one || older.word.line == younger.word.line);
  }

  // The youngest store to a word in a thread's own buffer.
  const Entry* pending_store(std::uint32_t thread, Word word) const {
    const std::vector<EntryIndex>& buffer = cells_.buffer(thread);
    for (std::size_t place = buffer.size(); place-- > 0;) {
      const Entry& entry = cells_.entry(buffer[place]);
      if (is_store(entry.kind) && entry.word == word) return &entry;
    }
    return nullptr;
  }

  template <class Emit>
  void drains(std::uint32_t thread, const Entry& entry, Emit&& emit) const {
    const Host host = hosts_[thread];
    const LineIndex line = entry.word.line;
    if (entry.kind == Buffered::fence || lines_.own(line)) {
      emit(Choice::own(), false);
    } else if (entry.kind == Buffered::store) {
      memory_.copies(host, line, emit);
    } else {
      emit(Choice::evict_none(), false);
      if (lines_.contested(line) && (entry.kind == Buffered::streaming || cells_.dirty(host, line) != 0)) {
        memory_.evictions(host, line, [&](Choice choice) { emit(choice, true); });
      }
    }
  }

  template <class Emit>
  void options(std::uint32_t thread, const Operation& operation, Emit&& emit) const {
    const Host host = hosts_[thread];
    const bool is_empty = cells_.buffer(thread).empty();
    switch (operation.kind) {
      case Kind::load:
        if (pending_store(thread, operation.word) != nullptr) {
          emit(Choice::forwarded(), false);
        } else {
          memory_.copies(host, operation.word.line, needed(operation.word.line, emit));
        }
        break;
      case Kind::fetch_add:
      case Kind::compare_exchange:
      case Kind::exchange:
        if (is_empty) memory_.copies(host, operation.word.line, emit);
        break;
      case Kind::lock:
        if (is_empty && cells_.word(operation.word) == 0) emit(Choice::own(), false);
        break;
      case Kind::device_add:
        if (!is_empty) break;
        emit(Choice::evict_none(), false);
        if (lines_.contested(operation.word.line)) {
          memory_.evictions(host, operation.word.line, [&](Choice choice) { emit(choice, true); });
        }
        break;
      case Kind::poll:
        if (!is_empty && waits_for_buffer(operation)) break;
        for (std::size_t index = 0; index < operation.watched.size(); ++index) {
          poll_options(thread, index, operation.watched[index], emit);
        }
        break;
      case Kind::receive:
        if (cells_.messages(operation.channel).size() > cells_.taken_count(operation.channel)) emit(Choice(), false);
        break;
      case Kind::prefetch:
        emit(Choice(), false);
        memory_.copies(host, operation.word.line, emit);
        break;
      case Kind::store:
      case Kind::unlock:
      case Kind::send: emit(Choice::own(), false); break;
      default: break;  // waits, or was done at once
    }
  }

 private:
  // Leaves out the eviction of a copy whose owner can flush it right now: the flush, done first, does the same, and the
  // owner is one step further. But only where nothing lies between the store and its flush (model/explorer/states/system.py).
  template <class Emit>
  auto needed(LineIndex line, Emit&& emit) const {
    return [this, line, &emit](Choice choice, bool lucky) {
      const bool is_one = choice.kind() == Choice::Kind::evict && choice.eviction_count() == 1;
      if (!is_one || lines_.contested(line) || !flushes_now(choice.evicted(0), line)) emit(choice, lucky);
    };
  }

  // Says whether a flush of the line by some thread of the host can leave its buffer now, with nothing between it and
  // the last store.
  bool flushes_now(Host host, LineIndex line) const {
    const Stored stored = cells_.stored(host, line);
    if (stored.thread >= hosts_.size() || hosts_[stored.thread] != host) return false;
    const std::vector<EntryIndex>& buffer = cells_.buffer(stored.thread);
    for (std::size_t place = 0; place < buffer.size(); ++place) {
      const Entry& entry = cells_.entry(buffer[place]);
      if (is_flush(entry.kind) && entry.word.line == line && entry.moment == stored.moment && !blocked(buffer, place)) {
        return true;
      }
    }
    return false;
  }

  template <class Emit>
  void poll_options(std::uint32_t thread, std::size_t index, const Watched& each, Emit&& emit) const {
    const Entry* const stored = pending_store(thread, each.word);
    if (stored != nullptr) {
      if (!each.invalidate && stored->value != each.seen) emit(Choice::forwarded().at_poll(index), false);
      return;
    }
    const LineIndex line = each.word.line;
    if (lines_.own(line)) {
      if (cells_.word(each.word) != each.seen) emit(Choice::own().at_poll(index), false);
      return;
    }
    const Host host = hosts_[thread];
    const auto emit_differing = [&](Choice choice, bool lucky) {
      if (cells_.in(memory_.content(host, line, choice), each.word.word) != each.seen) {
        emit(choice.at_poll(index), lucky);
      } else if (!each.invalidate && !memory_.keeps(host, line)) {
        emit(choice.at_poll(index).and_looked(), lucky);
      }
    };
    const auto differing = needed(line, emit_differing);
    if (each.invalidate) {
      memory_.fresh(host, line, differing);
    } else {
      memory_.copies(host, line, differing);
    }
  }

  const Matrix& matrix_;
  const std::vector<Host>& hosts_;
  const Lines& lines_;
  const Cells& cells_;
  const Memory& memory_;
};

}  // namespace fencepost::stepped
