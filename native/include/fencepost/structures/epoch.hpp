// A plan of batches that share one reservation.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "fencepost/structures/batch.hpp"
#include "fencepost/structures/issued.hpp"

namespace fencepost {

// What is reserved for is what is planned, in the order of the plan, so an epoch leaves no hole. Private to one thread.
template <class Memory>
class Epoch {
 public:
  // Room for `batch_count` batches, allocated here and never again.
  Epoch(std::size_t batch_count, Issued<Memory>& issued) : issued_(issued), plan_(batch_count) {}

  bool is_full() const noexcept { return planned_count_ == plan_.size(); }

  // Throws Refused if an epoch was refused before: its batches are counted as ordered by whoever planned them, so nothing
  // that is said after that would be right.
  void check_open(const Batch& batch) const {
    if (is_sealed_) [[unlikely]] refuse_range(batch.message_count);
  }

  // Adds a batch; it gets its range when the epoch is placed. Not when full.
  void plan(const Batch& batch, std::uint64_t origin, bool was_parked) noexcept {
    plan_[planned_count_++] = {batch.client_id, batch.batch_seq, static_cast<std::uint32_t>(batch.message_count),
                               was_parked, origin};
    total_ += batch.message_count;
  }

  // plan() for the batches `batch_at(begin)` to `batch_at(end - 1)`, which came from `origin_of(index)`, or as many of
  // them as there is room for; returns how many. None was parked. Counts in registers: in memory, where the stores to the
  // plan might reach them, each batch waits for the one before it.
  template <class BatchAt, class OriginOf>
  std::size_t plan_run(std::size_t begin, std::size_t end, BatchAt& batch_at, OriginOf& origin_of) {
    const std::size_t count = std::min(end - begin, plan_.size() - planned_count_);
    Planned* next = plan_.data() + planned_count_;
    std::uint64_t total = 0;
    for (std::size_t index = begin; index < begin + count; ++index) {
      const Batch batch = batch_at(index);
      *next++ = {batch.client_id, batch.batch_seq, static_cast<std::uint32_t>(batch.message_count), false,
                 origin_of(index)};
      total += batch.message_count;
    }
    planned_count_ += count;
    total_ += total;
    return count;
  }

  // Whether `count` batches at hand are a whole epoch, so that none of them need be planned: place_run() orders them.
  bool is_whole_epoch(std::size_t count) const noexcept { return planned_count_ == 0 && count >= plan_.size(); }

  // plan_run() and place() of a whole epoch from `begin` on, without the copy in between. Asks for each batch twice, and
  // is told the same. Returns how many batches that is. Throws as place() does.
  template <class BatchAt, class OriginOf, class Sink>
  std::size_t place_run(std::size_t begin, BatchAt& batch_at, OriginOf& origin_of, Sink&& sink, bool reserves_alone) {
    const std::size_t end = begin + plan_.size();
    std::uint64_t total = 0;
    for (std::size_t index = begin; index < end; ++index) total += batch_at(index).message_count;
    std::uint64_t start = reserved(total, reserves_alone);
    for (std::size_t index = begin; index < end; ++index) {
      const Batch batch = batch_at(index);
      sink.ordered(batch, origin_of(index), start, false);
      start += batch.message_count;
    }
    return plan_.size();
  }

  // Reserves for all that is planned with one fetch_add, or none if nothing is, tells `sink` each batch's range in the
  // order of the plan, and begins the next epoch. Throws Refused when the positions are used up: the sequencer is
  // sealed then, and what was planned is never ordered.
  template <class Sink>
  void place(Sink&& sink, bool reserves_alone) {
    if (planned_count_ == 0) return;
    const std::size_t count = planned_count_;
    const std::uint64_t total = total_;
    planned_count_ = 0;
    total_ = 0;
    std::uint64_t start = reserved(total, reserves_alone);
    for (std::size_t index = 0; index < count; ++index) {
      const Planned& each = plan_[index];
      sink.ordered(Batch{each.client_id, each.batch_seq, each.message_count}, each.origin, start, each.was_parked);
      start += each.message_count;
    }
  }

 private:
  std::uint64_t reserved(std::uint64_t total, bool reserves_alone) {
    is_sealed_ = true;  // until it is not: what is thrown below leaves it
    const std::uint64_t start = reserves_alone ? issued_.reserve_alone(total) : issued_.reserve(total);
    is_sealed_ = false;
    return start;
  }

  struct Planned {
    std::uint64_t client_id;
    std::uint64_t batch_seq;
    std::uint32_t message_count;
    bool was_parked;
    std::uint64_t origin;
  };
  static_assert(sizeof(Planned) == 32, "two of them share a line");

  Issued<Memory>& issued_;
  std::vector<Planned> plan_;
  std::size_t planned_count_ = 0;
  std::uint64_t total_ = 0;
  bool is_sealed_ = false;
};

}  // namespace fencepost
