// How what a sequencer wrote becomes readable on other hosts: where write-backs, fences and the guard stand.
//
// The sound policies have one thing in common: the guard is stored after a fence that stands behind the write-backs of
// everything the guard vouches for. They differ in how many fences a batch costs and how long it waits for its guard.
//
//   PerMessage    a fence for each message, then one for the record, one for the guard
//   PerBatch      two-phase: one fence for all messages and the record, one for the guard
//   SingleFence   as PerBatch, the guard's own fence left to the next batch: it says when, and nothing relies on that.
//                 Where memory is coherent this is nothing but a release store
//   PerEpoch      as SingleFence, with one fence and a burst of guards for several batches, and each record's line written
//                 back once, with its guard: that rests on a ring whose records have their guard on their own line
//   Seed          UNSOUND, the program of 09ae22d, for comparing costs: the guard is stored after the last fence and never
//                 written back, so a reader on another host may never see it
//
// tests/programs/test_publication.py has each sequence of operations judged on the model of non-coherent memory.
#pragma once

#include <cstddef>
#include <cstdint>

#include "fencepost/structures/lap_ring.hpp"
#include "fencepost/structures/limits.hpp"
#include "fencepost/memory/coherent.hpp"

namespace fencepost {

// The line in front of each message's bytes; the sequencer writes three words of it.
template <class Memory>
struct alignas(cache_line_size) MessageHeader {
  using Field = typename Memory::template Plain<std::uint64_t>;
  Field padded_size;      // receiver
  Field logical_offset;   // sequencer: this and the two below
  Field position;
  Field next_distance;
  Field reserved[4];
};
static_assert(sizeof(MessageHeader<Coherent>) == cache_line_size);

// The headers of one batch's messages, `stride_size` bytes apart; none where only batches are ordered.
template <class Memory>
class MessageHeaders {
 public:
  MessageHeaders() = default;
  MessageHeaders(std::byte* first, std::size_t stride_size, std::size_t count) noexcept
      : first_(first), stride_size_(stride_size), count_(count) {}

  std::size_t count() const noexcept { return count_; }

  const void* line(std::size_t index) const noexcept { return first_ + index * stride_size_; }

  // Gives message `index` of a batch that begins at `start` its place, and has a header further on fetched meanwhile.
  // Never one of the next batch: its receiver may not have written that line yet, and what was fetched too early would
  // be written back over what it writes.
  void assign(std::size_t index, std::uint64_t start) const noexcept {
    if (index + prefetch_distance < count_) Memory::prefetch(line(index + prefetch_distance));
    auto& header = *reinterpret_cast<MessageHeader<Memory>*>(first_ + index * stride_size_);
    Memory::write(header.logical_offset, index);
    Memory::write(header.position, start + index);
    Memory::write(header.next_distance, stride_size_);
  }

 private:
  static constexpr std::size_t prefetch_distance = 8;  // headers ahead

  std::byte* first_ = nullptr;
  std::size_t stride_size_ = 0;
  std::size_t count_ = 0;
};

// Each policy: publish() one value, and the headers of its messages, into a ring that has room; finish() what it holds
// back, when nothing more is at hand. Never blocks, allocates nothing.
template <class Memory>
struct PerMessage {
  template <class Ring, class Value>
  void publish(Ring& ring, const Value& value, const MessageHeaders<Memory>& messages, std::uint64_t start) noexcept {
    for (std::size_t index = 0; index < messages.count(); ++index) {
      messages.assign(index, start);
      Memory::write_back(messages.line(index));
      Memory::fence();
    }
    ring.place(value);
    Memory::write_back(ring.placed_line());
    Memory::fence();
    const void* guard_line = ring.raise_line();
    ring.raise();
    Memory::write_back(guard_line);
    Memory::fence();
  }
  template <class Ring>
  void finish(Ring&) noexcept {}
};

template <class Memory, bool fences_guard = true>
struct PerBatch {
  template <class Ring, class Value>
  void publish(Ring& ring, const Value& value, const MessageHeaders<Memory>& messages, std::uint64_t start) noexcept {
    for (std::size_t index = 0; index < messages.count(); ++index) {
      messages.assign(index, start);
      Memory::write_back(messages.line(index));
    }
    ring.place(value);
    Memory::write_back(ring.placed_line());
    Memory::fence();
    const void* guard_line = ring.raise_line();
    ring.raise();
    Memory::write_back(guard_line);
    if constexpr (fences_guard) Memory::fence();
  }
  template <class Ring>
  void finish(Ring&) noexcept {
    if constexpr (!fences_guard) Memory::fence();
  }
};

template <class Memory>
using SingleFence = PerBatch<Memory, false>;

// The record is not written back by itself. It shares its guard's line, stores to one line become visible in the order
// of the program (x86-TSO), and a line is written back whole: whatever copy of the line another host gets, by the guard's
// write-back or by an earlier eviction, has the record if it has the guard. The fence still bears what lies on other
// lines, the messages.
//
// With record and guard on two lines this is unsound: R = record; G = guard; write back G: a reader that finds G may
// find R as it was, since nothing ever forced R's line out. Hence the assertion. The other policies write the record
// back first and need no line to be written back whole; tests/programs/test_publication.py has all this judged.
template <class Memory>
class PerEpoch {
 public:
  // Guards are raised for `batch_count` batches at a time, or when finish() is called.
  explicit PerEpoch(std::size_t batch_count) noexcept : batch_count_(batch_count) {}

  template <class Ring, class Value>
  void publish(Ring& ring, const Value& value, const MessageHeaders<Memory>& messages, std::uint64_t start) noexcept {
    for (std::size_t index = 0; index < messages.count(); ++index) {
      messages.assign(index, start);
      Memory::write_back(messages.line(index));
    }
    static_assert(Ring::guard_is_on_line_of_value, "or the record needs a write-back of its own, before the fence");
    ring.place(value);
    if (++placed_count_ == batch_count_) raise_all(ring);
  }

  // Without this the tail of a burst would wait for batches that may never come.
  template <class Ring>
  void finish(Ring& ring) noexcept {
    raise_all(ring);
    Memory::fence();
  }

 private:
  template <class Ring>
  void raise_all(Ring& ring) noexcept {
    if (placed_count_ == 0) return;
    Memory::fence();
    for (; placed_count_ > 0; --placed_count_) {
      const void* guard_line = ring.raise_line();
      ring.raise();
      Memory::write_back(guard_line);
    }
  }

  std::size_t batch_count_;
  std::size_t placed_count_ = 0;
};

template <class Memory>
class Seed {
 public:
  template <class Ring, class Value>
  void publish(Ring& ring, const Value& value, const MessageHeaders<Memory>& messages, std::uint64_t start) noexcept {
    for (std::size_t index = 0; index < messages.count(); ++index) {
      messages.assign(index, start);
      Memory::write_back(messages.line(index));
      Memory::fence();
    }
    ring.place(value);
    Memory::store_relaxed(progress_.ordered_count, ring.raised_count() + 1);
    Memory::write_back(&progress_);
    Memory::write_back(ring.placed_line());
    Memory::fence();
    ring.raise();
  }
  template <class Ring>
  void finish(Ring&) noexcept {}

 private:
  struct alignas(cache_line_size) Progress {
    typename Memory::template Word<std::uint64_t> ordered_count{0};
  };
  Progress progress_;
};

}  // namespace fencepost
