// order4.claim with a fault: the range is taken before it is known who won the claim. For the stepped build.
#pragma once

#include <cstdint>

#include "fencepost/structures/batch.hpp"
#include "fencepost/clients/client_table.hpp"
#include "fencepost/sequencers/configuration.hpp"
#include "fencepost/structures/issued.hpp"
#include "fencepost/pipeline/scanners/order4.hpp"

namespace fencepost::pipeline {

// The client's word is that of order4.claim. Who loses has taken a range that is nobody's.
template <class Memory>
class ReserveBeforeClaim {
 public:
  static constexpr int level = 4;

  explicit ReserveBeforeClaim(const Configuration& configuration)
      : clients_(configuration.client_capacity), issued_(configuration.first_position) {}

  fencepost::Attempt try_order(std::uint64_t client_id, std::uint64_t batch_seq, std::uint64_t message_count) {
    auto& word = clients_.word_of(client_id);
    const std::uint64_t start = issued_.reserve(message_count);
    const std::uint64_t idle = word_before(batch_seq);
    std::uint64_t seen = Memory::load_relaxed(word);
    const bool is_next = seen == idle;
    if (!is_next || !Memory::compare_exchange_acquire(word, seen, idle + 1)) {
      return {next_seq_in(seen) > batch_seq ? AttemptOutcome::duplicate : AttemptOutcome::later, is_next, seen};
    }
    Memory::store_release(word, word_before(batch_seq + 1));
    return {AttemptOutcome::ordered, false, start};
  }

  std::uint64_t word(std::uint64_t client_id) { return Memory::load_relaxed(clients_.word_of(client_id)); }
  static constexpr std::uint64_t next_seq_in(std::uint64_t word) noexcept { return word >> 1; }
  static constexpr std::uint64_t word_before(std::uint64_t batch_seq) noexcept { return batch_seq << 1; }

 private:
  ClientTable<Memory> clients_;
  Issued<Memory> issued_;
};

template <class Memory>
using ScannerReserveBeforeClaim = ScannerOrder4<Memory, ReserveBeforeClaim<typename Memory::Policy>>;

}  // namespace fencepost::pipeline
