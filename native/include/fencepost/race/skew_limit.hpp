// How far the receivers of a race may run apart, counted in rows of the workload.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "fencepost/race/thread_group.hpp"
#include "fencepost/structures/limits.hpp"

namespace fencepost {

// Without a bound each receiver publishes its whole ring in one time slice; then nearly every order-4 batch is parked
// and the way where a batch is ordered at once is hardly raced. With a small bound, arrivals mix as they were recorded.
//
// All accesses are relaxed on purpose: receivers meet in time only. An acquire here would be an edge between threads
// that the sequencer under test does not have, and could hide what it lacks.
class SkewLimit {
 public:
  SkewLimit(std::size_t ring_count, std::size_t row_count_max)
      : ring_count_(ring_count), row_count_max_(row_count_max), next_rows_(std::make_unique<NextRow[]>(ring_count)) {}

  // BLOCKS the receiver of `ring_index` until no other has a row to publish that is more than row_count_max before
  // `row`, or until stopped. The receiver with the lowest row never waits, so all go on.
  template <class Memory>
  void wait_for_others(std::size_t ring_index, std::size_t row, const StopFlag& stop) noexcept {
    next_rows_[ring_index].value.store(row, std::memory_order_relaxed);
    while (lowest_row() + row_count_max_ < row && !stop.is_set()) Memory::yield();
  }

  // That receiver has published everything.
  void leave(std::size_t ring_index) noexcept {
    next_rows_[ring_index].value.store(SIZE_MAX / 2, std::memory_order_relaxed);
  }

 private:
  struct alignas(cache_line_size) NextRow {
    std::atomic<std::size_t> value{0};
  };

  std::size_t lowest_row() const noexcept {
    std::size_t lowest = SIZE_MAX / 2;
    for (std::size_t index = 0; index < ring_count_; ++index) {
      lowest = std::min(lowest, next_rows_[index].value.load(std::memory_order_relaxed));
    }
    return lowest;
  }

  const std::size_t ring_count_;
  const std::size_t row_count_max_;
  const std::unique_ptr<NextRow[]> next_rows_;
};

// By seed: neighbouring seeds differ, eight seeds see all. 0 is the input's order exactly.
inline std::size_t drift_row_count_max(std::uint64_t seed) noexcept {
  constexpr std::array<std::size_t, 8> choices{0, 1, 2, 3, 4, 16, 256, 4096};
  return choices[seed % choices.size()];
}

}  // namespace fencepost
