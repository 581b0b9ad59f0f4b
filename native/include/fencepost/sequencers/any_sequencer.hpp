// One sequencer chosen by name, with all that stays between two calls.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "fencepost/structures/ack_frontier.hpp"
#include "fencepost/sequencers/attempts.hpp"
#include "fencepost/structures/batch.hpp"
#include "fencepost/structures/columns.hpp"
#include "fencepost/sequencers/configuration.hpp"
#include "fencepost/structures/limits.hpp"
#include "fencepost/memory/flushing.hpp"
#include "fencepost/race/race.hpp"
#include "fencepost/sequencers.hpp"
#include "fencepost/sequencers/workers.hpp"

namespace fencepost {

// For attempts and races, by one thread at a time; checks its arguments. On Coherent, races go over the cache-line
// instructions that are asked for; on another memory over that memory.
template <class Memory, class Sequencers>
class AnySequencerOn {
 public:
  AnySequencerOn(std::string_view name, const Configuration& configuration) {
    configuration.check();
    Sequencers::with(
        name, [&]<class Sequencer>() { self_ = std::make_unique<Held<Sequencer>>(configuration); });
  }

  // May block if the sequencer's own try_order does. Throws Refused for a value out of range, too.
  Attempt try_order(std::int64_t client_id, std::int64_t batch_seq, std::int64_t message_count) {
    return self_->try_order({checked("client_id", client_id, 0, client_id_max),
                             checked("batch_seq", batch_seq, 0, batch_seq_max),
                             checked("message_count", message_count, 1, message_count_max)});
  }

  // One attempt per row. Nothing is attempted if a value is out of range. See attempts.hpp.
  void try_order_all(const BatchColumns& columns, const Answers& answers,
                     const std::function<void()>& check_interrupt) {
    self_->try_order_all(columns, answers, check_interrupt);
  }

  // BLOCKS until everything that arrived is ordered, parked or dropped, or the run is stopped or held. What was ordered
  // and acknowledged in earlier calls stays so; what was parked is forgotten. Memory: some 300 bytes per row and two
  // lines per slot, allocated before the threads start. Throws Refused for a bad argument, or if the positions are used
  // up; and whatever `check_interrupt` throws, which is called every 50 ms. All threads are joined then, too.
  RaceResult race(const BatchColumns& columns, Column broker_id, const RaceOptions& options,
                  const std::function<void()>& check_interrupt) {
    check_length("broker_id", broker_id.size(), columns.row_count());
    const std::vector<Batch> batches = checked_batches(columns);
    const RowsByRing rows = rows_by_ring(broker_id);
    RaceResult result = self_->race({batches, rows}, options, check_interrupt);
    result.issued = issued();
    return result;
  }

  std::int64_t issued() const { return static_cast<std::int64_t>(self_->issued()); }

 private:
  struct Interface {
    Interface() = default;
    Interface(const Interface&) = delete;
    Interface& operator=(const Interface&) = delete;
    virtual ~Interface() = default;
    virtual Attempt try_order(const Batch& batch) = 0;
    virtual void try_order_all(const BatchColumns& columns, const Answers& answers,
                               const std::function<void()>& check_interrupt) = 0;
    virtual RaceResult race(const RacedWorkload& workload, const RaceOptions& options,
                            const std::function<void()>& check_interrupt) = 0;
    virtual std::uint64_t issued() const = 0;
  };

  template <class Sequencer>
  struct Held final : Interface {
    explicit Held(const Configuration& made_with)
        : configuration(made_with),
          sequencer(made_with),
          frontier(Sequencer::level == 4 ? made_with.client_capacity : ring_count_max, Sequencer::level == 4) {}

    Attempt try_order(const Batch& batch) override { return attempt(sequencer, batch); }

    void try_order_all(const BatchColumns& columns, const Answers& answers,
                       const std::function<void()>& check_interrupt) override {
      if constexpr (requires { sequencer.order_all(columns, answers.start_position); }) {
        sequencer.order_all(columns, answers.start_position);
        std::fill(answers.outcome.begin(), answers.outcome.end(), static_cast<std::int8_t>(AttemptOutcome::ordered));
      } else {
        const std::vector<Batch> batches = checked_batches(columns);
        attempt_all(sequencer, batches, answers, check_interrupt);
      }
    }

    RaceResult race(const RacedWorkload& workload, const RaceOptions& options,
                    const std::function<void()>& check_interrupt) override {
      if constexpr (std::is_same_v<Memory, Coherent>) {
        switch (options.line_instruction) {
          case LineInstruction::clwb:
            return race_on<Flushing<LineInstruction::clwb>>(workload, options, check_interrupt);
          case LineInstruction::clflushopt:
            return race_on<Flushing<LineInstruction::clflushopt>>(workload, options, check_interrupt);
          case LineInstruction::none:
            break;
        }
      }
      return race_on<Memory>(workload, options, check_interrupt);
    }

    // What was ordered by attempts is in no chain: whoever made them has the answers.
    void catch_up(const std::vector<Batch>& batches) {
      for (const Batch& batch : batches) {
        if constexpr (HasWorkers<Sequencer>) {
          frontier.catch_up(batch.client_id, sequencer.worker_for(batch.client_id).next_seq(batch.client_id));
        } else {
          frontier.catch_up(batch.client_id, sequencer.next_seq(batch.client_id));
        }
      }
    }

    template <class RaceMemory>
    RaceResult race_on(const RacedWorkload& workload, const RaceOptions& options,
                       const std::function<void()>& check_interrupt) {
      // A fresh sequencer has nothing to catch up with: its clients are new to the threads that race for their places.
      if (Sequencer::level == 4 && sequencer.issued() != configuration.first_position) catch_up(workload.batches);
      if constexpr (requires { RaceMemory::begin_race(4, 0, true, 0); }) {  // memory/clocked.hpp
        RaceMemory::begin_race(Sequencer::level, options.seed, !std::exchange(has_raced, true),
                               workload.batches.size());
      }
      if constexpr (HasWorkers<Sequencer>) {
        if (Sequencer::reading == Reading::own_ring && workload.rows.size() > sequencer.worker_count()) {
          throw Refused("worker_count is " + std::to_string(sequencer.worker_count()) + ", the workload has " +
                        std::to_string(workload.rows.size()) + " rings: expected a worker for each ring");
        }
        for (std::size_t index = 0; index < sequencer.worker_count(); ++index) sequencer.worker(index).forget_parked();
        return run_race<RaceMemory>(sequencer, Sequencer::level, frontier, configuration, workload, options,
                                    check_interrupt);
      } else {
        SharedView<Sequencer> view(sequencer);
        return run_race<RaceMemory>(static_cast<SharedSequencer&>(view), Sequencer::level, frontier, configuration,
                                    workload, options, check_interrupt);
      }
    }

    std::uint64_t issued() const override { return sequencer.issued(); }

    const Configuration configuration;
    Sequencer sequencer;
    AckFrontier frontier;
    bool has_raced = false;
  };

  std::unique_ptr<Interface> self_;
};

using AnySequencer = AnySequencerOn<Coherent, CoherentSequencers>;

}  // namespace fencepost
