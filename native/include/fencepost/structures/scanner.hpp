// The sequencer's worker for one ring, where scanners share the sequencer: reads in ring order, orders, parks, drops.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>

#include "fencepost/structures/batch.hpp"
#include "fencepost/sequencers/configuration.hpp"
#include "fencepost/structures/slot_id.hpp"
#include "fencepost/clients/parked_clients.hpp"
#include "fencepost/structures/quiescence.hpp"

namespace fencepost {

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

// `Observer` is told what happens and asked whether to go on, all from the scanner's thread:
//   ordered(batch, origin, start, was_parked)   the order of that batch is final
//   dropped(batch, origin)                      it was a duplicate
//   claim_lost()                                an attempt met a busy bit or lost the compare-exchange
//   stopped()                                   true: leave now, whatever is unfinished
//   before_attempt(origin)                      that batch is taken in hand, again if it was parked; a place to lose time
//   idle()                                      there is nothing to do for now: hold nothing back
//
// Memory is bounded: parking_capacity batches, each a copy. When that many are parked and the next one has to be, the
// scanner is *held*: it reads nothing more until something is released, so its ring fills up and its receiver waits.
// That can be for ever: if the predecessor stands behind the batch that holds the scanner, in this ring, or in another
// one that is held. It cannot happen if parking_capacity is at least what all clients together may have sent without an
// acknowledgement: the predecessor of a parked batch was sent before it, so all that is parked or read fits.
template <class Memory, class Sequencer, class Reader, class Observer, class Poll>
class Scanner {
 public:
  Scanner(std::size_t scanner_index, Sequencer& sequencer, Reader reader, const Configuration& configuration,
          Quiescence<Memory>& quiescence, Observer& surroundings, Poll poll, bool prefetches)
      : scanner_index_(scanner_index),
        sequencer_(sequencer),
        reader_(reader),
        quiescence_(quiescence),
        surroundings_(surroundings),
        poll_(poll),
        parked_(configuration),
        prefetches_(prefetches) {}

  // BLOCKS until its ring is closed and read and nothing that is parked or held, in any ring, can be ordered any more;
  // or until stopped. Allocates nothing. Throws what try_order throws.
  void run() {
    while (!surroundings_.stopped()) {
      if (read_some()) {
        poll_.reset();
        if (sequencer_.parks) settle_parked(false);  // others may have ordered a predecessor meanwhile
        continue;
      }
      if (sequencer_.parks && settle_parked(true)) continue;
      surroundings_.idle();
      if (reader_.is_finished() && !sequencer_.parks) break;
      if ((reader_.is_finished() || is_held_) && has_settled()) break;
      poll_.wait();
    }
    reader_.abandon();  // if it was stopped or is held for ever, its receiver must not wait
    quiescence_.announce_progress(std::exchange(progress_count_, 0));
    quiescence_.leave(scanner_index_);
  }

 private:
  static constexpr std::size_t slots_at_once = 64;

  // Takes what is there; false if that was nothing.
  bool read_some() {
    const std::size_t count = reader_.readable_count(slots_at_once);
    if (prefetches_) reader_.prefetch(count);
    std::size_t taken_count = 0;
    bool is_held = false;
    while (taken_count < count && !is_held && !surroundings_.stopped()) {
      is_held = !take(reader_.at(taken_count), SlotId::of(scanner_index_, reader_.consumed_count() + taken_count));
      if (!is_held) ++taken_count;
    }
    is_held_ = is_held;
    reader_.consume(taken_count);
    progress_count_ += taken_count;
    return taken_count > 0;
  }

  // False if the batch has to be parked and there is no room.
  bool take(const Batch& batch, std::uint64_t origin) {
    switch (attempt(batch, origin, false)) {
      case AttemptOutcome::ordered:
        if (sequencer_.parks) release_successors(batch);
        return true;
      case AttemptOutcome::duplicate:
        return true;
      case AttemptOutcome::later:
        break;
    }
    switch (parked_.try_park(batch, origin)) {
      case ParkOutcome::parked:
        return true;
      case ParkOutcome::copy:
        surroundings_.dropped(batch, origin);
        return true;
      case ParkOutcome::full:
        break;
    }
    return false;
  }

  void release_successors(const Batch& batch) {
    if (parked_.is_empty()) return;
    parked_.settle_client(
        batch.client_id, [&] { return sequencer_.next_seq(batch.client_id); },
        [this](const Batch& parked, std::uint64_t origin) { return settles(parked, origin); });
  }

  AttemptOutcome attempt(const Batch& batch, std::uint64_t origin, bool was_parked) {
    surroundings_.before_attempt(origin);
    const Attempt result = sequencer_.try_order(batch.client_id, batch.batch_seq, batch.message_count);
    if (result.claim_lost) surroundings_.claim_lost();
    if (result.outcome == AttemptOutcome::ordered) surroundings_.ordered(batch, origin, result.start, was_parked);
    if (result.outcome == AttemptOutcome::duplicate) surroundings_.dropped(batch, origin);
    return result.outcome;
  }

  // Tries a parked batch again; true if it need not be parked any longer.
  bool settles(const Batch& batch, std::uint64_t origin) {
    if (surroundings_.stopped()) return false;
    if (attempt(batch, origin, true) == AttemptOutcome::later) return false;
    ++progress_count_;
    return true;
  }

  bool settle_parked(bool all) {
    return parked_.settle_waiting(
        all, [this](std::uint64_t client_id) { return sequencer_.next_seq(client_id); },
        [this](const Batch& parked, std::uint64_t origin) { return settles(parked, origin); });
  }

  // One round of quiescence.hpp: whether nothing can change any more, in any ring.
  bool has_settled() {
    quiescence_.announce_progress(std::exchange(progress_count_, 0));
    const std::uint64_t total = quiescence_.progress_total();
    if (!is_settled_ || total != settled_total_) {
      if (settle_parked(true) || (is_held_ && read_some())) return false;
      quiescence_.announce_settled(scanner_index_, total);
      settled_total_ = total;
      is_settled_ = true;
    }
    // Asked again, as somebody may have made some progress and left since.
    return quiescence_.all_settled(total) && quiescence_.progress_total() == total;
  }

  const std::size_t scanner_index_;
  Sequencer& sequencer_;
  Reader reader_;
  Quiescence<Memory>& quiescence_;
  Observer& surroundings_;
  Poll poll_;
  ParkedClients parked_;
  const bool prefetches_;
  std::uint64_t progress_count_ = 0;  // batches read, released or dropped, not yet announced
  bool is_held_ = false;
  bool is_settled_ = false;
  std::uint64_t settled_total_ = 0;
};

}  // namespace fencepost
