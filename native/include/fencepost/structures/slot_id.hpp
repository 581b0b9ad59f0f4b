// Where a batch came from, in one word: its ring, and its index among that ring's arrivals.
#pragma once

#include <cstddef>
#include <cstdint>

#include "fencepost/structures/limits.hpp"

namespace fencepost {

struct SlotId {
  static constexpr unsigned index_bits = 56;
  static_assert(ring_count_max <= std::size_t{1} << (64 - index_bits));

  static std::uint64_t of(std::size_t ring_index, std::uint64_t index) noexcept {
    return (static_cast<std::uint64_t>(ring_index) << index_bits) | index;
  }
  static std::size_t ring_index(std::uint64_t origin) noexcept { return static_cast<std::size_t>(origin >> index_bits); }
  static std::size_t index(std::uint64_t origin) noexcept {
    return static_cast<std::size_t>(origin & ((std::uint64_t{1} << index_bits) - 1));
  }
};

}  // namespace fencepost
