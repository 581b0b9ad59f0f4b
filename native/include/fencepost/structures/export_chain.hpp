// The list in which one scanner offers what it ordered: to subscribers, and to whoever acknowledges.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "fencepost/structures/batch.hpp"
#include "fencepost/structures/lap_ring.hpp"
#include "fencepost/structures/limits.hpp"
#include "fencepost/structures/poll.hpp"
#include "fencepost/structures/publication.hpp"

namespace fencepost {

// What a reader gets: the identity of a batch, and where it is. Not a distance between slots: a distance must be
// computed against a slot that may have been passed meanwhile, an identity can be compared with what is found there.
struct ExportRecord {
  std::uint64_t client_id;
  std::uint64_t batch_seq;
  std::uint64_t start;
  std::uint64_t message_count;
  std::uint64_t origin;  // ring and index of its arrival
};

enum class Publication : std::uint8_t { none, per_message, per_batch, single_fence, epoch, seed };

inline constexpr std::string_view publication_names[] = {"none",         "per_message", "per_batch",
                                                         "single_fence", "epoch",       "seed"};

// The writing end, used by one thread. The policy is chosen when it is made, not when it is compiled, so that one loop
// serves all; what is measured is compiled for one policy (publication.hpp).
template <class Memory, class ItsRing = LapRing<Memory, ExportRecord>>
class ExportChain {
 public:
  using Ring = ItsRing;

  ExportChain(std::size_t slot_count, std::size_t reader_count, Publication publication,
              std::size_t epoch_batch_count, const Placement& placement = {})
      : ring_(slot_count, reader_count, placement), policy_(policy_of(publication, epoch_batch_count)) {}

  Ring& ring() noexcept { return ring_; }

  // BLOCKS while some reader has not consumed what is in the next slot. Readers wait for nothing but records, so this
  // ends; what a policy holds back is published first, or the readers would wait for that.
  void export_blocking(const ExportRecord& record) {
    if (!ring_.has_room(1)) {
      finish();
      SpinThenYield<Memory> poll;
      while (!ring_.has_room(1)) poll.wait();
    }
    std::visit([&](auto& policy) { policy.publish(ring_, record, MessageHeaders<Memory>{}, record.start); }, policy_);
  }

  // Publishes what is held back. To be called when there is nothing to export for now.
  void finish() noexcept {
    std::visit([&](auto& policy) { policy.finish(ring_); }, policy_);
  }

  void close() noexcept {
    finish();
    ring_.close();
  }

 private:
  using Policy =
      std::variant<SingleFence<Memory>, PerBatch<Memory>, PerMessage<Memory>, PerEpoch<Memory>, Seed<Memory>>;

  static Policy policy_of(Publication publication, std::size_t epoch_batch_count) {
    switch (publication) {
      case Publication::per_message:
        return Policy(std::in_place_type<PerMessage<Memory>>);
      case Publication::per_batch:
        return Policy(std::in_place_type<PerBatch<Memory>>);
      case Publication::epoch:
        return Policy(std::in_place_type<PerEpoch<Memory>>, epoch_batch_count);
      case Publication::seed:
        return Policy(std::in_place_type<Seed<Memory>>);
      case Publication::none:
      case Publication::single_fence:
        break;
    }
    return Policy(std::in_place_type<SingleFence<Memory>>);
  }

  Ring ring_;
  Policy policy_;
};

}  // namespace fencepost
