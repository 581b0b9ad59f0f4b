// Order 4 by partition: each client belongs to one worker, which alone ever looks at the client's next number.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "fencepost/structures/batch.hpp"
#include "fencepost/clients/client_ids.hpp"
#include "fencepost/sequencers/configuration.hpp"
#include "fencepost/structures/issued.hpp"
#include "fencepost/clients/next_expected.hpp"
#include "fencepost/sequencers/workers.hpp"

namespace fencepost {

// Neither a lock nor a claim: next-expected is not shared, and the counter is all that workers have in common. Every
// worker reads every ring; that is how a batch comes into its owner's hands without a queue between workers, which
// would need a bound of its own and could fill up in a circle.
//
// A `Sink` is told what happens, by the worker's thread:
//   ordered(batch, origin, start, was_parked)   the batch owns [start, start + message_count)
//   dropped(batch, origin)                      it is a duplicate
template <class Memory>
class Order4Owner {
 public:
  static constexpr std::string_view name = "order4.owner";
  static constexpr int level = 4;
  static constexpr bool parks = true;
  static constexpr Reading reading = Reading::every_ring;

  class Worker {
   public:
    Worker(const Configuration& configuration, std::size_t worker_index, Issued<Memory>& issued)
        : worker_index_(worker_index),
          worker_count_(configuration.worker_count),
          issued_(issued),
          next_expected_(configuration) {}

    bool owns(std::uint64_t client_id) const noexcept {
      return worker_count_ == 1 || owner_of(client_id, worker_count_) == worker_index_;
    }

    std::size_t parked_count() const noexcept { return next_expected_.parked_count(); }
    void forget_parked() noexcept { next_expected_.forget_parked(); }
    std::uint64_t next_seq(std::uint64_t client_id) { return next_expected_.next_seq(client_id); }

    // Orders the batch and what was parked behind it, parks it, or drops it. Constant expected time for each batch
    // ordered, never blocks, allocates nothing. Throws Refused when the client table is full or the positions are used
    // up; the batch is as if it had not been taken then.
    template <bool may_park = true, class Sink>
    Taken take(const Batch& batch, std::uint64_t origin, Sink&& sink) {
      return next_expected_.take<may_park>(
          batch, origin,
          [&](const Batch& ordered, std::uint64_t its_origin, bool was_parked) {
            sink.ordered(ordered, its_origin, reserve(ordered.message_count), was_parked);
          },
          [&](const Batch& dropped, std::uint64_t its_origin) { sink.dropped(dropped, its_origin); });
    }

    // take() for the batches `batch_at(0)` to `batch_at(count - 1)`, which came from `origin_of(index)`; those of other
    // owners are passed over. Returns how many were taken or passed: fewer than `count` when there is no room to park.
    template <class BatchAt, class OriginOf, class Sink>
    [[gnu::always_inline]] std::size_t take_run(std::size_t count, BatchAt&& batch_at, OriginOf&& origin_of, Sink&& sink) {
      // What may be parked already may be released as well. Near the limit batch by batch, each with its own look at it.
      if (worker_count_ == 1 && issued_.has_room_for(count + parked_count())) {
        return take_run_alone(count, batch_at, origin_of, sink);
      }
      for (std::size_t index = 0; index < count; ++index) {
        const Batch batch = batch_at(index);
        if (owns(batch.client_id) && take(batch, origin_of(index), sink) == Taken::full) return index;
      }
      return count;
    }

    // Nothing is ever held back.
    template <class Sink>
    void finish(Sink&&) noexcept {}

   private:
    // Inlined, for the reason that NextExpected::take_run() is.
    template <class BatchAt, class OriginOf, class Sink>
    [[gnu::always_inline]] std::size_t take_run_alone(std::size_t count, BatchAt&& batch_at, OriginOf&& origin_of, Sink&& sink) {
      auto next = issued_.alone();
      return next_expected_.take_run(
          count, batch_at, origin_of,
          [&](const Batch& ordered, std::uint64_t its_origin, bool was_parked) {
            sink.ordered(ordered, its_origin, next.reserve(ordered.message_count), was_parked);
          },
          [&](const Batch& dropped, std::uint64_t its_origin) { sink.dropped(dropped, its_origin); });
    }

    // One worker alone adds to the counter, so it needs no locked instruction.
    std::uint64_t reserve(std::uint64_t message_count) {
      return worker_count_ == 1 ? issued_.reserve_alone(message_count) : issued_.reserve(message_count);
    }

    const std::size_t worker_index_;
    const std::size_t worker_count_;
    Issued<Memory>& issued_;
    NextExpected next_expected_;
  };

  explicit Order4Owner(const Configuration& configuration) : issued_(configuration.first_position) {
    for (std::size_t index = 0; index < configuration.worker_count; ++index) {
      workers_.push_back(std::make_unique<Worker>(configuration, index, issued_));
    }
  }

  std::size_t worker_count() const noexcept { return workers_.size(); }
  Worker& worker(std::size_t index) noexcept { return *workers_[index]; }
  Worker& worker_for(std::uint64_t client_id) noexcept { return *workers_[owner_of(client_id, workers_.size())]; }
  std::uint64_t issued() const noexcept { return issued_.value(); }

 private:
  Issued<Memory> issued_;
  std::vector<std::unique_ptr<Worker>> workers_;  // each apart, so that no two share a line
};

}  // namespace fencepost
