// The sequencer's worker for one ring: reads slots in ring order, orders, parks, drops.
#pragma once

#include <cstddef>
#include <cstdint>

#include "fencepost/batch.hpp"
#include "fencepost/sorted_parking.hpp"
#include "fencepost/quiescence.hpp"
#include "fencepost/ring.hpp"

namespace fencepost {

// Poll policy: a few pauses for a producer that is about to publish, then yields, as there may be more threads than
// cores.
template <class Memory>
class SpinThenYield {
 public:
  void reset() noexcept { wait_count_ = 0; }

  void wait() noexcept {
    if (wait_count_ < pause_count_max) {
      ++wait_count_;
      Memory::pause();
    } else {
      Memory::yield();
    }
  }

 private:
  static constexpr unsigned pause_count_max = 64;
  unsigned wait_count_ = 0;
};

struct ScannerCounts {
  std::uint64_t ordered = 0;
  std::uint64_t duplicate = 0;
  std::uint64_t released = 0;    // parked first, ordered later
  std::uint64_t claim_lost = 0;  // attempts that met a busy bit or lost the compare-exchange

  ScannerCounts& operator+=(const ScannerCounts& other) noexcept {
    ordered += other.ordered;
    duplicate += other.duplicate;
    released += other.released;
    claim_lost += other.claim_lost;
    return *this;
  }
};

// `Surroundings` is told what happens and asked whether to go on, all from the scanner's thread:
//   ordered(slot_index, start)   the order of that slot's batch is final
//   dropped(slot_index)          it was a duplicate
//   stopped()                    true: leave now, whatever is unfinished
//   before_attempt()             a place to lose some time, so that runs differ
template <class Memory, class Sequencer, class Surroundings>
class Scanner {
 public:
  Scanner(std::size_t scanner_index, Sequencer& sequencer, const Ring<Memory>& ring, Quiescence<Memory>& quiescence,
          Surroundings& surroundings)
      : scanner_index_(scanner_index),
        sequencer_(sequencer),
        ring_(ring),
        quiescence_(quiescence),
        surroundings_(surroundings),
        parking_(Sequencer::parks ? ring.slot_count() : 0) {}

  // BLOCKS until every slot was read and nothing that is parked, in any ring, can be ordered any more; or until
  // stopped. Allocates nothing. What stays parked is not reported through `surroundings`: it is all the rest.
  // Throws what try_order throws.
  void run() {
    read_ring();
    if constexpr (Sequencer::parks) settle();
  }

  const ScannerCounts& counts() const noexcept { return counts_; }

 private:
  void read_ring() {
    SpinThenYield<Memory> poll;
    std::size_t slot_index = 0;
    while (slot_index < ring_.slot_count()) {
      const std::size_t published_count = ring_.published_count();
      if (slot_index == published_count) {
        if (surroundings_.stopped()) return;
        if constexpr (Sequencer::parks) examine_parked();  // others may have ordered a predecessor meanwhile
        poll.wait();
        continue;
      }
      poll.reset();
      for (; slot_index < published_count; ++slot_index) {
        if (surroundings_.stopped()) return;
        examine_slot(slot_index);
      }
    }
  }

  void examine_slot(std::size_t slot_index) {
    const Batch batch = ring_.batch_at(slot_index);
    const AttemptOutcome outcome = attempt(batch, slot_index);
    if constexpr (Sequencer::parks) {
      if (outcome == AttemptOutcome::later) {
        parking_.park(batch, slot_index);
      } else if (outcome == AttemptOutcome::ordered) {
        parking_.release_client(batch.client_id, [this](const ParkedBatch& parked) { return settles(parked); });
      }
    }
  }

  AttemptOutcome attempt(const Batch& batch, std::size_t slot_index) {
    surroundings_.before_attempt();
    const Attempt result = sequencer_.try_order(batch.client_id, batch.batch_seq, batch.message_count);
    counts_.claim_lost += result.claim_lost ? 1U : 0U;
    if (result.outcome == AttemptOutcome::ordered) {
      surroundings_.ordered(slot_index, result.start);
      ++counts_.ordered;
    } else if (result.outcome == AttemptOutcome::duplicate) {
      surroundings_.dropped(slot_index);
      ++counts_.duplicate;
    }
    return result.outcome;
  }

  // Tries a parked batch again; true if it need not be parked any longer.
  bool settles(const ParkedBatch& parked) {
    if (surroundings_.stopped()) return false;
    const AttemptOutcome outcome = attempt(parked.batch, parked.slot_index);
    counts_.released += outcome == AttemptOutcome::ordered ? 1U : 0U;
    return outcome != AttemptOutcome::later;
  }

  void examine_parked() {
    parking_.release_all([this](const ParkedBatch& parked) { return settles(parked); });
  }

  // The rounds of quiescence.hpp. A scanner with nothing parked takes part too, as its orderings are in the total.
  void settle() {
    SpinThenYield<Memory> poll;
    std::uint64_t announced_count = 0;
    bool is_settled = false;
    std::uint64_t settled_total = 0;
    while (!surroundings_.stopped()) {
      if (announced_count != counts_.ordered) {
        quiescence_.announce_ordered(counts_.ordered - announced_count);
        announced_count = counts_.ordered;
      }
      const std::uint64_t total = quiescence_.ordered_total();
      if (!is_settled || total != settled_total) {
        examine_parked();
        if (counts_.ordered != announced_count) continue;
        quiescence_.announce_settled(scanner_index_, total);
        settled_total = total;
        is_settled = true;
      }
      if (quiescence_.all_settled(total)) return;
      poll.wait();
    }
  }

  const std::size_t scanner_index_;
  Sequencer& sequencer_;
  const Ring<Memory>& ring_;
  Quiescence<Memory>& quiescence_;
  Surroundings& surroundings_;
  SortedParking parking_;
  ScannerCounts counts_;
};

}  // namespace fencepost
