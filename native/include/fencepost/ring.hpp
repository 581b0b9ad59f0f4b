// One broker's ring of slots: one receiver publishes in arrival order, one scanner reads in that order.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>

#include "fencepost/batch.hpp"
#include "fencepost/limits.hpp"

namespace fencepost {

// As long as its workload: slots are written once and never reused, so there is no lap and no back-pressure.
template <class Memory>
class Ring {
 public:
  // Allocates slot_count * 64 bytes; nothing is allocated afterwards.
  explicit Ring(std::size_t slot_count) : slot_count_(slot_count), slots_(std::make_unique<Slot[]>(slot_count)) {}

  std::size_t slot_count() const noexcept { return slot_count_; }

  // Receiver only. Writes the next slot and publishes it; never blocks.
  void publish(const Batch& batch) {
    if (written_count_ == slot_count_) throw std::length_error("ring of " + std::to_string(slot_count_) + " is full");
    Memory::write(slots_[written_count_].batch, batch);
    ++written_count_;
    // Release: a scanner that reads this count reads the slots below it as written.
    Memory::store_release(published_count_, written_count_);
  }

  // Scanner: slots below the returned index may be read. Never blocks. Acquire: pairs with the release in publish().
  std::size_t published_count() const noexcept { return Memory::load_acquire(published_count_); }

  // Scanner: the batch of a published slot.
  Batch batch_at(std::size_t slot_index) const noexcept { return Memory::read(slots_[slot_index].batch); }

 private:
  // A line each: a slot being written never shares a line with one being read.
  struct alignas(cache_line_size) Slot {
    typename Memory::template Plain<Batch> batch;
  };

  const std::size_t slot_count_;
  const std::unique_ptr<Slot[]> slots_;
  alignas(cache_line_size) std::size_t written_count_ = 0;  // the receiver's own copy of the count
  alignas(cache_line_size) typename Memory::template Word<std::size_t> published_count_{0};
};

}  // namespace fencepost
