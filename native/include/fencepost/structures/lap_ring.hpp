// A ring of lines with one writer and a fixed number of readers, passed again and again.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <type_traits>

#include "fencepost/structures/limits.hpp"
#include "fencepost/race/placement.hpp"

namespace fencepost {

// A slot is one line: a value and its guard. The guard of the value with index i is i + 1, the full index and not a bit
// of it: what is left of an earlier lap, in memory or in a stale copy, never looks like what is awaited.
//
// A slot is written again only after every reader has consumed what it held: each reader publishes how many values it
// has consumed, in a line of its own, and the writer looks there before it passes a reader.
//
// The writer's three steps are apart, so that a publication policy (publication.hpp) can say what is written back in
// between: has_room(), place(), raise().
template <class Memory, class Value>
class LapRing {
  struct Cursor;

 public:
  LapRing(const LapRing&) = delete;  // its writer and readers know where it is
  LapRing& operator=(const LapRing&) = delete;

  // Allocates (slot_count + reader_count + 4) lines here, whole pages for the slots, and nothing later.
  LapRing(std::size_t slot_count, std::size_t reader_count, const Placement& placement = {})
      : slot_count_(checked("slot_count", static_cast<std::int64_t>(slot_count), 1, slot_count_max)),
        reader_count_(reader_count),
        slots_(slot_count_, placement),
        cursors_(std::make_unique<Cursor[]>(reader_count)) {}

  static constexpr bool guard_is_on_line_of_value = true;  // see Slot

  std::size_t slot_count() const noexcept { return slot_count_; }
  PlacementGot placement_got() const { return slots_.got(); }

  // The writing end, used by one thread, made once. As a local variable of the writer's loop it keeps its counts in
  // registers. That is worth having: stores to one line are merged on their way to it only while no store to another
  // line stands between them, and publishing to another core takes twice as long without.
  class Writer {
   public:
    static constexpr bool guard_is_on_line_of_value = true;  // see Slot

    explicit Writer(LapRing& ring) noexcept : ring_(&ring) {}

    // Whether `count` more values may be placed, at most slot_count. Never blocks.
    bool has_room(std::size_t count) noexcept {
      if (placed_count_ + count - consumed_by_all_ <= ring_->slot_count_) return true;
      consumed_by_all_ = ring_->consumed_by_all();
      return placed_count_ + count - consumed_by_all_ <= ring_->slot_count_;
    }

    // Writes the next value, which no reader sees before its guard is raised. Only after has_room().
    void place(const Value& value) noexcept {
      Memory::write(ring_->slots_[place_at_].value, value);
      ++placed_count_;
      place_at_ = place_at_ + 1 == ring_->slot_count_ ? 0 : place_at_ + 1;
    }

    // The line of the value placed last, and of the value whose guard is to be raised next.
    const void* placed_line() const noexcept {
      return &ring_->slots_[place_at_ == 0 ? ring_->slot_count_ - 1 : place_at_ - 1];
    }
    const void* raise_line() const noexcept { return &ring_->slots_[raise_at_]; }

    // Lets readers have the next value that was placed.
    void raise() noexcept {
      // Release: a reader that sees the guard finds the value as it was placed. Between hosts, value and guard share a
      // line, and stores to one line reach memory in their order.
      ++raised_count_;
      Memory::store_release(ring_->slots_[raise_at_].guard, raised_count_);
      raise_at_ = raise_at_ + 1 == ring_->slot_count_ ? 0 : raise_at_ + 1;
    }

    std::uint64_t raised_count() const noexcept { return raised_count_; }

    // Nothing will be placed any more. After the last raise().
    void close() noexcept {
      // Release: a reader that sees the final count has every guard below it raised.
      Memory::store_release(ring_->final_count_, raised_count_);
      Memory::write_back(&ring_->final_count_);
      Memory::fence();
    }

   private:
    LapRing* ring_;
    std::uint64_t placed_count_ = 0;
    std::uint64_t raised_count_ = 0;
    std::uint64_t consumed_by_all_ = 0;  // as last seen
    std::size_t place_at_ = 0;
    std::size_t raise_at_ = 0;
  };

  // The same for a writer that has no loop to keep a Writer in. Not beside one.
  bool has_room(std::size_t count) noexcept { return writer_.has_room(count); }
  void place(const Value& value) noexcept { writer_.place(value); }
  const void* placed_line() const noexcept { return writer_.placed_line(); }
  const void* raise_line() const noexcept { return writer_.raise_line(); }
  void raise() noexcept { writer_.raise(); }
  std::uint64_t raised_count() const noexcept { return writer_.raised_count(); }
  void close() noexcept { writer_.close(); }

  // --- everybody ---

  // How many values every reader has consumed.
  std::uint64_t consumed_count() const noexcept { return consumed_by_all(); }

  // A reader will not go on, so the writer must not wait for room. Set by readers, asked by the writer; says only
  // "leave", so relaxed.
  void abandon() noexcept { Memory::store_relaxed(is_abandoned_, 1); }
  bool is_abandoned() const noexcept { return Memory::load_relaxed(is_abandoned_) != 0; }

  // One of the readers, used by one thread.
  class Reader {
   public:
    Reader(LapRing& ring, std::size_t reader_index) noexcept : ring_(&ring), cursor_(&ring.cursors_[reader_index]) {}

    // How many values, at most `count`, are there to be read. Never blocks.
    std::size_t readable_count(std::size_t count) noexcept {
      LapRing& ring = *ring_;  // for good, as the compiler cannot know behind an acquiring load
      const std::uint64_t next = consumed_count_ + 1;
      std::size_t found_count = 0;
      std::size_t at = read_at_;
      while (found_count < count) {
        Slot& slot = ring.slots_[at];
        // What is already here of this line may be older than its guard in memory.
        Memory::invalidate(&slot);
        Memory::full_fence();
        // Acquire: pairs with raise(). Equality, not "at least": see the head of the file.
        if (Memory::load_acquire(slot.guard) != next + found_count) break;
        ++found_count;
        at = at + 1 == ring.slot_count_ ? 0 : at + 1;
      }
      return found_count;
    }

    // Has the line behind the next `offset` values fetched early. It may come too early, without its value: the
    // invalidation in readable_count() drops it then, and without that it would be found old for good.
    void prefetch(std::size_t offset) const noexcept {
      const std::size_t index = read_at_ + offset;
      Memory::prefetch(&ring_->slots_[index >= ring_->slot_count_ ? index - ring_->slot_count_ : index]);
    }

    // The value `offset` behind the next one; below a readable_count() and not yet consumed.
    Value at(std::size_t offset) const noexcept {
      const std::size_t index = read_at_ + offset;
      return Memory::read(ring_->slots_[index >= ring_->slot_count_ ? index - ring_->slot_count_ : index].value);
    }

    // Gives `count` slots back: what at() returned of them is a copy, so the writer may have them.
    void consume(std::size_t count) noexcept {
      if (count == 0) return;
      consumed_count_ += count;
      read_at_ = (read_at_ + count) % ring_->slot_count_;
      // Release: the writer overwrites a slot behind our reads of it.
      Memory::store_release(cursor_->consumed_count, consumed_count_);
      Memory::write_back(cursor_);
      Memory::fence();
    }

    // How many values were consumed: the index of the next one.
    std::uint64_t consumed_count() const noexcept { return consumed_count_; }

    // Whether the ring is closed and all of it was consumed.
    bool is_finished() const noexcept {
      Memory::invalidate(&ring_->final_count_);
      Memory::full_fence();
      // Acquire: pairs with close(); whoever leaves after this has every guard of the ring behind it.
      return Memory::load_acquire(ring_->final_count_) == consumed_count_;
    }

    // Whether the writer has no room, so that only a reader can change anything. `raised_count` is not ours to read, so
    // this is asked of the slots: the guard before the slowest reader's next one is a whole lap ahead of it.
    bool is_full() const noexcept {
      const std::uint64_t slowest = ring_->consumed_by_all();
      Slot& last = ring_->slots_[(slowest + ring_->slot_count_ - 1) % ring_->slot_count_];
      Memory::invalidate(&last);
      Memory::full_fence();
      // Acquire: pairs with raise(), as in readable_count(); nothing is read behind it but the number.
      return Memory::load_acquire(last.guard) == slowest + ring_->slot_count_;
    }

    void abandon() noexcept { ring_->abandon(); }

   private:
    LapRing* ring_;
    Cursor* cursor_;
    std::uint64_t consumed_count_ = 0;
    std::size_t read_at_ = 0;
  };

 private:
  static constexpr std::uint64_t open = UINT64_MAX;

  struct alignas(cache_line_size) Slot {
    typename Memory::template Word<std::uint64_t> guard{0};
    typename Memory::template Plain<Value> value;
  };
  static_assert(sizeof(Slot) == cache_line_size, "value and guard share one line: they reach other hosts together");
  static_assert(std::is_trivially_copyable_v<Value>);

  struct alignas(cache_line_size) Cursor {
    typename Memory::template Word<std::uint64_t> consumed_count{0};
  };
  static_assert(sizeof(Cursor) == cache_line_size, "each reader writes a line that nobody else writes");

  std::uint64_t consumed_by_all() const noexcept {
    std::uint64_t lowest = UINT64_MAX;
    for (std::size_t index = 0; index < reader_count_; ++index) {
      Memory::invalidate(&cursors_[index]);
      Memory::full_fence();
      // Acquire: pairs with consume(); what is placed next comes behind that reader's last look at the slot.
      lowest = std::min(lowest, Memory::load_acquire(cursors_[index].consumed_count));
    }
    return lowest;
  }

  const std::size_t slot_count_;
  const std::size_t reader_count_;
  const PlacedArray<Slot> slots_;
  const std::unique_ptr<Cursor[]> cursors_;
  alignas(cache_line_size) Writer writer_{*this};
  alignas(cache_line_size) typename Memory::template Word<std::uint64_t> final_count_{open};
  alignas(cache_line_size) typename Memory::template Word<std::uint64_t> is_abandoned_{0};
};

}  // namespace fencepost
