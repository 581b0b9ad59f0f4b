// Order 4 by one worker for all rings, with one reservation for all the batches of an epoch.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "fencepost/structures/batch.hpp"
#include "fencepost/sequencers/configuration.hpp"
#include "fencepost/structures/epoch.hpp"
#include "fencepost/structures/issued.hpp"
#include "fencepost/clients/next_expected.hpp"
#include "fencepost/sequencers/workers.hpp"

namespace fencepost {

// A batch that is its client's next joins the plan, and is counted in next-expected at once: its successor may join the
// same plan behind it. Early batches stay parked and are not reserved for. Between two epochs what is counted is
// exactly what is ordered, so a worker may be stopped there, and nowhere else.
template <class Memory>
class Order4Epoch {
 public:
  static constexpr std::string_view name = "order4.epoch";
  static constexpr int level = 4;
  static constexpr bool parks = true;
  static constexpr Reading reading = Reading::every_ring;

  class Worker {
   public:
    Worker(const Configuration& configuration, Issued<Memory>& issued)
        : epoch_(configuration.epoch_batch_count, issued), next_expected_(configuration) {}

    bool owns(std::uint64_t /*client_id*/) const noexcept { return true; }
    std::size_t parked_count() const noexcept { return next_expected_.parked_count(); }
    void forget_parked() noexcept { next_expected_.forget_parked(); }
    std::uint64_t next_seq(std::uint64_t client_id) { return next_expected_.next_seq(client_id); }

    // `ordered` batches get their range when the epoch is finished, or full and another one comes; the rest as in
    // Order4Owner. A long run of released batches may fill several epochs. A sink may be told of `planned(batch, origin)`
    // too: the batch is counted, and gets its range later. Throws Refused when the client table is full, or the positions
    // are used up: the sequencer is sealed then.
    template <bool may_park = true, class Sink>
    Taken take(const Batch& batch, std::uint64_t origin, Sink&& sink) {
      epoch_.check_open(batch);
      return next_expected_.take<may_park>(batch, origin, planner(sink), dropper(sink));
    }

    // take() for the batches `batch_at(0)` to `batch_at(count - 1)`, which came from `origin_of(index)`. Returns how many
    // were taken: fewer than `count` when there is no room to park.
    template <class BatchAt, class OriginOf, class Sink>
    std::size_t take_run(std::size_t count, BatchAt&& batch_at, OriginOf&& origin_of, Sink&& sink) {
      if (count == 0) return 0;
      epoch_.check_open(batch_at(0));
      return next_expected_.take_run(count, batch_at, origin_of, planner(sink), dropper(sink));
    }

    // Ends the epoch: what was taken is ordered, parked or dropped.
    template <class Sink>
    void finish(Sink&& sink) {
      epoch_.place(sink, true);
    }

   private:
    template <class Sink>
    auto planner(Sink& sink) {
      return [&](const Batch& next, std::uint64_t origin, bool was_parked) {
        if (epoch_.is_full()) epoch_.place(sink, true);
        epoch_.plan(next, origin, was_parked);
        if constexpr (requires { sink.planned(next, origin); }) sink.planned(next, origin);
      };
    }
    template <class Sink>
    static auto dropper(Sink& sink) {
      return [&](const Batch& dropped, std::uint64_t origin) { sink.dropped(dropped, origin); };
    }

    Epoch<Memory> epoch_;
    NextExpected next_expected_;
  };

  explicit Order4Epoch(const Configuration& configuration)
      : issued_(configuration.first_position), worker_(configuration, issued_) {}

  std::size_t worker_count() const noexcept { return 1; }
  Worker& worker(std::size_t /*index*/) noexcept { return worker_; }
  Worker& worker_for(std::uint64_t /*client_id*/) noexcept { return worker_; }
  std::uint64_t issued() const noexcept { return issued_.value(); }

 private:
  Issued<Memory> issued_;
  Worker worker_;
};

}  // namespace fencepost
