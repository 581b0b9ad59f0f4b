// Order 5 with one fetch_add for all the batches of an epoch.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "fencepost/structures/batch.hpp"
#include "fencepost/sequencers/configuration.hpp"
#include "fencepost/structures/epoch.hpp"
#include "fencepost/structures/issued.hpp"
#include "fencepost/clients/next_expected.hpp"
#include "fencepost/sequencers/workers.hpp"

namespace fencepost {

// A worker collects batches of its ring, reserves once for all of them, and hands the range out in ring order. Who
// calls take() has to call finish() when there is nothing to take, or the last epoch waits for ever.
template <class Memory>
class Order5Epoch {
 public:
  static constexpr std::string_view name = "order5.epoch";
  static constexpr int level = 5;
  static constexpr bool parks = false;
  static constexpr Reading reading = Reading::own_ring;

  class Worker {
   public:
    Worker(const Configuration& configuration, Issued<Memory>& issued)
        : reserves_alone_(configuration.worker_count == 1),
          epoch_(configuration.epoch_batch_count, issued) {}

    bool owns(std::uint64_t /*client_id*/) const noexcept { return true; }
    std::size_t parked_count() const noexcept { return 0; }
    void forget_parked() noexcept {}
    std::uint64_t next_seq(std::uint64_t /*client_id*/) const noexcept { return 0; }

    // Always `ordered`, as soon as the epoch is full or finished. Never blocks, allocates nothing. Throws Refused when
    // the positions are used up.
    template <bool may_park = true, class Sink>
    Taken take(const Batch& batch, std::uint64_t origin, Sink&& sink) {
      epoch_.plan(batch, origin, false);
      if (epoch_.is_full()) epoch_.place(sink, reserves_alone_);
      return Taken::ordered;
    }

    // take() for the batches `batch_at(0)` to `batch_at(count - 1)`, which came from `origin_of(index)`: all of them.
    template <class BatchAt, class OriginOf, class Sink>
    std::size_t take_run(std::size_t count, BatchAt&& batch_at, OriginOf&& origin_of, Sink&& sink) {
      for (std::size_t index = 0; index < count;) {
        if (epoch_.is_whole_epoch(count - index)) {
          index += epoch_.place_run(index, batch_at, origin_of, sink, reserves_alone_);
          continue;
        }
        index += epoch_.plan_run(index, count, batch_at, origin_of);
        if (epoch_.is_full()) epoch_.place(sink, reserves_alone_);
      }
      return count;
    }

    // Ends the epoch: what was taken is ordered.
    template <class Sink>
    void finish(Sink&& sink) {
      epoch_.place(sink, reserves_alone_);
    }

   private:
    const bool reserves_alone_;
    Epoch<Memory> epoch_;
  };

  explicit Order5Epoch(const Configuration& configuration) : issued_(configuration.first_position) {
    for (std::size_t index = 0; index < configuration.worker_count; ++index) {
      workers_.push_back(std::make_unique<Worker>(configuration, issued_));
    }
  }

  std::size_t worker_count() const noexcept { return workers_.size(); }
  Worker& worker(std::size_t index) noexcept { return *workers_[index]; }
  Worker& worker_for(std::uint64_t /*client_id*/) noexcept { return *workers_[0]; }
  std::uint64_t issued() const noexcept { return issued_.value(); }

 private:
  Issued<Memory> issued_;
  std::vector<std::unique_ptr<Worker>> workers_;
};

}  // namespace fencepost
