// Order 4 with one lock around the next-expected table and the counter: the plain form, to compare others with.
#pragma once

#include <cstdint>
#include <mutex>
#include <string_view>

#include "fencepost/structures/batch.hpp"
#include "fencepost/clients/client_table.hpp"
#include "fencepost/sequencers/configuration.hpp"
#include "fencepost/structures/issued.hpp"
#include "fencepost/structures/limits.hpp"

namespace fencepost {

template <class Memory>
class Order4Mutex {
 public:
  static constexpr std::string_view name = "order4.mutex";
  static constexpr int level = 4;
  static constexpr bool parks = true;

  explicit Order4Mutex(const Configuration& configuration)
      : clients_(configuration.client_capacity), issued_(configuration.first_position) {}

  // BLOCKS while another thread holds the lock, unlike every other try_order. Throws Refused when the client table is
  // full or the positions are used up; the lock is free and nothing is changed then, but for the seal.
  Attempt try_order(std::uint64_t client_id, std::uint64_t batch_seq, std::uint64_t message_count) {
    const std::scoped_lock guard(mutex_);
    // All accesses to table and counter are under the lock, which orders them: relaxed is enough.
    auto& next_seq = clients_.word_of(client_id);
    const std::uint64_t next = Memory::load_relaxed(next_seq);
    if (next > batch_seq) return {AttemptOutcome::duplicate, false, next};
    if (next < batch_seq) return {AttemptOutcome::later, false, next};
    const std::uint64_t start = issued_.reserve_alone(message_count);  // alone, under the lock
    Memory::store_relaxed(next_seq, batch_seq + 1);
    return {AttemptOutcome::ordered, false, start};
  }

  // A hint which of the client's batches to try: the next, or one before it.
  std::uint64_t next_seq(std::uint64_t client_id) { return word(client_id); }

  // The client's word, for whoever waits until it changes. Relaxed and without the lock, as nothing is read behind it.
  std::uint64_t word(std::uint64_t client_id) { return Memory::load_relaxed(clients_.word_of(client_id)); }
  static constexpr std::uint64_t next_seq_in(std::uint64_t word) noexcept { return word; }
  static constexpr std::uint64_t word_before(std::uint64_t batch_seq) noexcept { return batch_seq; }

  // The next position never handed out. BLOCKS like try_order.
  std::uint64_t issued() const {
    const std::scoped_lock guard(mutex_);
    return issued_.value();
  }

 private:
  ClientTable<Memory> clients_;
  // The lock and what it guards share a line: whoever takes the lock needs both.
  alignas(cache_line_size) mutable typename Memory::Mutex mutex_;
  Counter<Memory> issued_;
};

}  // namespace fencepost
