// What a sequencer is made with; each takes from it what it needs.
#pragma once

#include <cstddef>
#include <cstdint>

#include "fencepost/structures/limits.hpp"

namespace fencepost {

struct Configuration {
  std::size_t client_capacity = 1;      // distinct clients that a table can remember
  std::size_t parking_capacity = 0;     // batches that one worker or scanner can park
  std::size_t worker_count = 1;         // order4.owner: over how many workers the clients are divided
  std::size_t epoch_batch_count = 64;  // *.epoch: at most so many batches share a reservation
  std::uint64_t first_position = 0;

  // Throws Refused with the name and the value of what cannot be.
  void check() const {
    checked("client_capacity", static_cast<std::int64_t>(client_capacity), 1, client_capacity_max);
    checked("parking_capacity", static_cast<std::int64_t>(parking_capacity), 0, parking_capacity_max);
    checked("worker_count", static_cast<std::int64_t>(worker_count), 1, static_cast<std::int64_t>(ring_count_max));
    checked("epoch_batch_count", static_cast<std::int64_t>(epoch_batch_count), 1, epoch_batch_count_max);
    checked("first_position", static_cast<std::int64_t>(first_position), 0, issued_max);
  }
};

}  // namespace fencepost
