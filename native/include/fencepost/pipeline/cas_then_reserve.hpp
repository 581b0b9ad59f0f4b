// order4.cas_then_reserve, wrong on purpose: the successor may reserve between the two steps. For the stepped build, so
// that what finds faults has one to find.
#pragma once

#include <cstdint>

#include "fencepost/structures/batch.hpp"
#include "fencepost/clients/client_table.hpp"
#include "fencepost/sequencers/configuration.hpp"
#include "fencepost/structures/issued.hpp"
#include "fencepost/pipeline/scanners/order4.hpp"

namespace fencepost::pipeline {

// The client's word is its next seq.
template <class Memory>
class CasThenReserve {
 public:
  static constexpr int level = 4;

  explicit CasThenReserve(const Configuration& configuration)
      : clients_(configuration.client_capacity), issued_(configuration.first_position) {}

  fencepost::Attempt try_order(std::uint64_t client_id, std::uint64_t batch_seq, std::uint64_t message_count) {
    auto& word = clients_.word_of(client_id);
    std::uint64_t seen = Memory::load_relaxed(word);
    const bool is_next = seen == batch_seq;
    if (!is_next || !Memory::compare_exchange_acquire(word, seen, batch_seq + 1)) {
      return {seen > batch_seq ? AttemptOutcome::duplicate : AttemptOutcome::later, is_next, seen};
    }
    return {AttemptOutcome::ordered, false, issued_.reserve(message_count)};
  }

  std::uint64_t word(std::uint64_t client_id) { return Memory::load_relaxed(clients_.word_of(client_id)); }
  static constexpr std::uint64_t next_seq_in(std::uint64_t word) noexcept { return word; }
  static constexpr std::uint64_t word_before(std::uint64_t batch_seq) noexcept { return batch_seq; }

 private:
  ClientTable<Memory> clients_;
  Issued<Memory> issued_;
};

template <class Memory>
using ScannerCasThenReserve = ScannerOrder4<Memory, CasThenReserve<typename Memory::Policy>>;

}  // namespace fencepost::pipeline
