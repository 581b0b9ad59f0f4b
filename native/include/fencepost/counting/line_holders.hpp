// Which threads' caches would hold each line, by a note of the accesses: how often a line has to come from another one.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "fencepost/structures/limits.hpp"

namespace fencepost {

// A line is held by every thread that loaded it since it was stored to, or by the one that stored to it last. An access
// is a *transfer* if another thread holds the line and this one has to have it moved: a load without a copy, or a store
// or a locked instruction where anybody else has one. The first access of all is none: the line comes from memory.
//
// This is a note, not the hardware: threads that share a core's caches, lines that were evicted, and lines that were
// fetched ahead are not known here. It is made beside the access, not with it, so that two accesses at one moment may be
// noted in the other order. Lines are told apart by 42 bits of their number in a table that is addressed by 20: where two
// lines want one place, the other one is forgotten, as if evicted, and a transfer may be missed, never invented.
class LineHolders {
 public:
  static constexpr std::size_t thread_max = 16;

  // `thread_bit` is 1 << the thread's number. Whether the access moved the line.
  bool loaded(const void* address, std::uint64_t thread_bit) noexcept {
    const std::uint64_t tag = tag_of(address);
    std::atomic<std::uint64_t>& place = place_of(address);
    std::uint64_t seen = place.load(std::memory_order_relaxed);
    while (true) {
      const std::uint64_t holders = (seen & tag_mask) == tag ? seen & holder_mask : 0;
      if ((holders & thread_bit) != 0) return false;
      if (place.compare_exchange_weak(seen, tag | holders | thread_bit, std::memory_order_relaxed)) return holders != 0;
    }
  }

  bool stored(const void* address, std::uint64_t thread_bit) noexcept {
    const std::uint64_t only = tag_of(address) | thread_bit;
    std::atomic<std::uint64_t>& place = place_of(address);
    if (place.load(std::memory_order_relaxed) == only) return false;
    const std::uint64_t before = place.exchange(only, std::memory_order_relaxed);
    return (before & tag_mask) == (only & tag_mask) && (before & holder_mask & ~thread_bit) != 0;
  }

 private:
  static constexpr std::size_t place_count = std::size_t{1} << 20;
  static constexpr std::uint64_t holder_mask = (std::uint64_t{1} << thread_max) - 1;
  static constexpr std::uint64_t tag_mask = ~holder_mask;

  static std::uint64_t line_of(const void* address) noexcept {
    return reinterpret_cast<std::uintptr_t>(address) / cache_line_size;
  }
  static std::uint64_t tag_of(const void* address) noexcept { return line_of(address) << thread_max; }
  std::atomic<std::uint64_t>& place_of(const void* address) noexcept {
    return places_[line_of(address) % place_count];
  }

  std::unique_ptr<std::atomic<std::uint64_t>[]> places_ = std::make_unique<std::atomic<std::uint64_t>[]>(place_count);
};

}  // namespace fencepost
