// What a scanner that shares its clients with others has parked, and in which clients' words it has to look.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "fencepost/structures/batch.hpp"
#include "fencepost/sequencers/configuration.hpp"
#include "fencepost/clients/owned_clients.hpp"
#include "fencepost/clients/parking.hpp"

namespace fencepost {

// Private to one scanner. The predecessor of a parked batch may be ordered by another scanner, so the clients that have
// something parked are looked at again, one at a time: that costs what there are clients, not batches. Copies are
// parked by several scanners; those that another one ordered first are found and dropped on the way.
class ParkedClients {
 public:
  explicit ParkedClients(const Configuration& configuration)
      : clients_(configuration.client_capacity),
        parking_(configuration.parking_capacity, clients_.entry_count()),
        place_in_list_(clients_.entry_count()) {
    waiting_.reserve(clients_.entry_count());
  }

  bool is_empty() const noexcept { return waiting_.empty(); }

  ParkOutcome try_park(const Batch& batch, std::uint64_t origin) {
    OwnedClients::Entry& entry = clients_.entry_of(batch.client_id);
    const std::size_t index = clients_.index_of(entry);
    const bool is_first = !parking_.has_parked(index);
    const ParkOutcome outcome = parking_.try_park(index, batch, origin);
    if (outcome != ParkOutcome::parked) return outcome;
    if (is_first) {
      entry.word = batch.batch_seq;  // nothing below is parked
      place_in_list_[index] = static_cast<std::uint32_t>(waiting_.size());
      waiting_.push_back(static_cast<std::uint32_t>(index));  // within the reserved room
    } else if (batch.batch_seq < entry.word) {
      entry.word = batch.batch_seq;
    }
    return outcome;
  }

  // Offers the client's parked batches, from its lowest up to `next_seq()`, which is asked again each time, to
  // `settles(batch, origin)`; forgets those for which it returns true, stops at one that it does not settle.
  template <class NextSeq, class Settles>
  bool settle_client(std::uint64_t client_id, NextSeq&& next_seq, Settles&& settles) {
    OwnedClients::Entry& entry = clients_.entry_of(client_id);
    if (!parking_.has_parked(clients_.index_of(entry))) return false;
    return settle(entry, next_seq, settles);
  }

  // The same for one client after the other, as many as there are, or one if not `all`. Whether anything was settled.
  template <class NextSeqOf, class Settles>
  bool settle_waiting(bool all, NextSeqOf&& next_seq_of, Settles&& settles) {
    bool has_settled = false;
    for (std::size_t count = all ? waiting_.size() : 1; count > 0 && !waiting_.empty(); --count) {
      turn_ = turn_ + 1 < waiting_.size() ? turn_ + 1 : 0;
      OwnedClients::Entry& entry = clients_.entry_at(waiting_[turn_]);
      has_settled |= settle(entry, [&] { return next_seq_of(entry.client_id); }, settles);
    }
    return has_settled;
  }

 private:
  // entry.word: nothing below this number is parked.
  template <class NextSeq, class Settles>
  bool settle(OwnedClients::Entry& entry, NextSeq&& next_seq, Settles& settles) {
    const std::size_t index = clients_.index_of(entry);
    bool has_settled = false;
    while (parking_.has_parked(index) && entry.word <= next_seq()) {
      if (const Parking::Place place = parking_.find(index, entry.word)) {
        const Parking::Parked& parked = parking_.at(place);
        const bool is_settled = settles(Batch{entry.client_id, parked.batch_seq, parked.message_count}, parked.origin);
        if (!is_settled) return has_settled;
        parking_.remove(place);
        has_settled = true;
      }
      ++entry.word;
    }
    if (has_settled && !parking_.has_parked(index)) leave_list(index);
    return has_settled;
  }

  void leave_list(std::size_t index) noexcept {
    const std::uint32_t place = place_in_list_[index];
    waiting_[place] = waiting_.back();
    place_in_list_[waiting_[place]] = place;
    waiting_.pop_back();
  }

  OwnedClients clients_;
  Parking parking_;
  std::vector<std::uint32_t> waiting_;        // clients with something parked
  std::vector<std::uint32_t> place_in_list_;  // of each client in `waiting_`
  std::size_t turn_ = 0;
};

}  // namespace fencepost
