// What the tables of clients share: how an id is spread over them, and how one that has no room is refused.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "fencepost/structures/limits.hpp"

namespace fencepost {

[[noreturn]] inline void refuse_client(std::uint64_t client_id, std::size_t client_capacity) {
  throw Refused("client table full: no room for client " + std::to_string(client_id) + " beside " +
                std::to_string(client_capacity) + " others: make the sequencer with a larger client_capacity");
}

// The finalizer of SplitMix64: every bit of the id matters to every bit of the result.
inline std::uint64_t mixed_client(std::uint64_t client_id) noexcept {
  std::uint64_t mixed = client_id + 0x9e3779b97f4a7c15U;
  mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9U;
  mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebU;
  return mixed ^ (mixed >> 31);
}

// Which of `worker_count` workers owns a client: a fixed partition, so that a later run on the same state agrees.
inline std::size_t owner_of(std::uint64_t client_id, std::size_t worker_count) noexcept {
  static_assert(ring_count_max < (std::size_t{1} << 32), "the product below must fit 64 bits");
  return static_cast<std::size_t>(((mixed_client(client_id) >> 32) * worker_count) >> 32);
}

}  // namespace fencepost
