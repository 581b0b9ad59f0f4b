// The list of sequencers: the one place where a name becomes a type.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "fencepost/attempts.hpp"
#include "fencepost/batch.hpp"
#include "fencepost/columns.hpp"
#include "fencepost/configuration.hpp"
#include "fencepost/limits.hpp"
#include "fencepost/memory_coherent.hpp"
#include "fencepost/order4_claim.hpp"
#include "fencepost/order4_epoch.hpp"
#include "fencepost/order4_mutex.hpp"
#include "fencepost/order4_owner.hpp"
#include "fencepost/order4_sharded_mutex.hpp"
#include "fencepost/order5_epoch.hpp"
#include "fencepost/order5_fetch_add.hpp"

namespace fencepost {

struct SequencerName {
  std::string_view name;
  int level;
};

template <class... Sequencers>
struct SequencerList {
  static constexpr std::array<SequencerName, sizeof...(Sequencers)> names{{{Sequencers::name, Sequencers::level}...}};

  // Calls `use.template operator()<Sequencer>()` for the sequencer of that name. Throws Refused with the choices.
  template <class Use>
  static void with(std::string_view name, Use&& use) {
    const bool found = ((Sequencers::name == name ? (use.template operator()<Sequencers>(), true) : false) || ...);
    if (!found) refuse_name(name);
  }

 private:
  [[noreturn]] static void refuse_name(std::string_view name) {
    std::string message = "unknown sequencer '" + std::string(name) + "': expected one of ";
    for (std::size_t index = 0; index < names.size(); ++index) {
      if (index > 0) message += ", ";
      message += names[index].name;
    }
    throw Refused(message);
  }
};

using CoherentSequencers =
    SequencerList<Order5FetchAdd<Coherent>, Order5Epoch<Coherent>, Order4Mutex<Coherent>, Order4ShardedMutex<Coherent>,
                  Order4Claim<Coherent>, Order4Owner<Coherent>, Order4Epoch<Coherent>>;

// One sequencer chosen by name, for attempts from one thread at a time; checks its arguments.
class AnySequencer {
 public:
  AnySequencer(std::string_view name, std::int64_t client_capacity, std::int64_t first_position) {
    Configuration configuration;
    configuration.client_capacity = checked("client_capacity", client_capacity, 1, client_capacity_max);
    configuration.first_position = checked("first_position", first_position, 0, issued_max);
    CoherentSequencers::with(
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
    virtual std::uint64_t issued() const = 0;
  };

  template <class Sequencer>
  struct Held final : Interface {
    explicit Held(const Configuration& configuration) : sequencer(configuration) {}
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
    std::uint64_t issued() const override { return sequencer.issued(); }
    Sequencer sequencer;
  };

  std::unique_ptr<Interface> self_;
};

}  // namespace fencepost
