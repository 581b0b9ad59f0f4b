// The global counter: the next position never handed out, with a limit that fetch_add cannot pass unseen.
#pragma once

#include <cstdint>
#include <string>

#include "fencepost/structures/limits.hpp"

namespace fencepost {

[[noreturn]] inline void refuse_range(std::uint64_t message_count) {
  throw Refused("no range of " + std::to_string(message_count) + " positions is left below " +
                std::to_string(issued_max) + ": the sequencer is sealed and orders nothing more");
}

// States: open (counter <= issued_max), then sealed (counter > issued_max) for good.
//
// How the limit is seen without a second access on the fast path: the counter is unsigned, so the fetch_add that would
// pass issued_max = 2^63 - 1 lands above it instead of turning negative, and its own result says so. That range is not
// handed out, and the counter stays above the limit, so every later fetch_add is refused by the same comparison: one
// range that does not fit seals the sequencer, even against a smaller one that would have fitted. Each refused thread
// stores `sealed` back, so the counter is never more than one epoch's messages (< 2^48) per thread above 2^63 and cannot
// wrap, however long refused callers insist.
//
// Giving the range back with fetch_sub looks kinder and hands out a position twice. With counter C near the limit:
// D adds 2^32 - 1 (refused), A adds 1 (refused, as D's is still in), D gives back, B adds 1: it fits and gets C + 1,
// A gives back, and the next caller gets C + 1 as well.
template <class Memory>
class Counter {
 public:
  explicit Counter(std::uint64_t first_position) noexcept : counter_(first_position) {}

  // Takes [start, start + message_count) and returns start. One fetch_add, never blocks. Throws Refused when sealed.
  //
  // Relaxed is enough. All fetch_adds on one word have one order, whatever their memory order, so ranges are disjoint
  // and without holes; and where one fetch_add happens before another (batch i of a client before i + 1; an ack before
  // the sending of another batch), that order agrees. No other data is published through this word.
  std::uint64_t reserve(std::uint64_t message_count) {
    const std::uint64_t start = Memory::fetch_add_relaxed(counter_, message_count);
    if (start > limit - message_count) [[unlikely]] {
      seal(start);
      refuse_range(message_count);
    }
    return start;
  }

  // The same where the calling thread is the only one that ever reserves: a load and a store, no locked instruction.
  // Relaxed: the word has one writer, and nothing else is published through it.
  std::uint64_t reserve_alone(std::uint64_t message_count) {
    const std::uint64_t start = Memory::load_relaxed(counter_);
    if (start > limit - message_count) [[unlikely]] {
      seal(start);
      refuse_range(message_count);
    }
    Memory::store_relaxed(counter_, start + message_count);
    return start;
  }

  // reserve_alone() again and again for a thread that knows beforehand that there is room: keeps the counter at hand and
  // looks at no limit. The counter is stored when this ends, however it ends. Sound since nobody else reserves meanwhile,
  // and whoever asks for value() meanwhile may hear of a moment before: no position is published through this word.
  class Alone {
   public:
    Alone(const Alone&) = delete;
    Alone& operator=(const Alone&) = delete;
    // Inlined wherever this ends: a call would take its address, and the counter would be kept in memory.
    [[gnu::always_inline]] ~Alone() {
      Memory::store_relaxed(issued_.counter_, next_);
    }

    std::uint64_t reserve(std::uint64_t message_count) noexcept {
      const std::uint64_t start = next_;
      next_ = start + message_count;
      return start;
    }

   private:
    friend class Counter;
    explicit Alone(Counter& issued) noexcept : issued_(issued), next_(Memory::load_relaxed(issued.counter_)) {}
    Counter& issued_;
    std::uint64_t next_;
  };

  // Only for as many batches as has_room_for() said there is room.
  Alone alone() noexcept { return Alone(*this); }

  // Whether `batch_count` batches fit below the limit, however large they are. At most 2^30 batches, so the product does
  // not wrap.
  bool has_room_for(std::uint64_t batch_count) const noexcept {
    const auto most = batch_count * static_cast<std::uint64_t>(message_count_max);
    return most <= limit && Memory::load_relaxed(counter_) <= limit - most;
  }

  // The next position never handed out. Exact while no attempt is under way.
  std::uint64_t value() const noexcept {
    const std::uint64_t counter = Memory::load_relaxed(counter_);
    return counter <= limit ? counter : Memory::load_relaxed(sealed_at_);
  }

 private:
  static constexpr auto limit = static_cast<std::uint64_t>(issued_max);
  static constexpr std::uint64_t sealed = limit + 1;

  void seal(std::uint64_t start) noexcept {
    // Exactly one fetch_add starts at or below the limit and ends above it; its start is where the order ends.
    if (start <= limit) Memory::store_relaxed(sealed_at_, start);
    // Any value above the limit means the same, so overwriting other refused additions loses nothing.
    Memory::store_relaxed(counter_, sealed);
  }

  typename Memory::template Word<std::uint64_t> counter_;
  typename Memory::template Word<std::uint64_t> sealed_at_{limit};  // cold; may share the line
};

// A counter with a line of its own.
template <class Memory>
class alignas(cache_line_size) Issued : public Counter<Memory> {
 public:
  using Counter<Memory>::Counter;
};

}  // namespace fencepost
