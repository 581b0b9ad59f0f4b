// Order 4 with one lock around the next-expected table and the counter: the plain form, to compare others with.
#pragma once

#include <cstdint>
#include <mutex>
#include <string_view>

#include "fencepost/batch.hpp"
#include "fencepost/client_table.hpp"
#include "fencepost/configuration.hpp"
#include "fencepost/issued.hpp"
#include "fencepost/limits.hpp"
#include "fencepost/mutant.hpp"

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
    const std::scoped_lock guard(mutated(Mutation::mutex_left_out) ? nobodys_lock<typename Memory::Mutex>() : mutex_);
    // All accesses to table and counter are under the lock, which orders them: relaxed is enough.
    auto& next_seq = clients_.word_of(client_id);
    const std::uint64_t next = Memory::load_relaxed(next_seq);
    if (next > batch_seq) return {AttemptOutcome::duplicate, false, 0};
    if (next < batch_seq) return {AttemptOutcome::later, false, 0};
    const std::uint64_t start = reserve(message_count);
    Memory::store_relaxed(next_seq, batch_seq + 1);
    return {AttemptOutcome::ordered, false, start};
  }

  // A hint which of the client's batches to try: the next, or one before it. Relaxed and without the lock, as nothing is
  // read behind it.
  std::uint64_t next_seq(std::uint64_t client_id) { return Memory::load_relaxed(clients_.word_of(client_id)); }

  // The next position never handed out. BLOCKS like try_order.
  std::uint64_t issued() const {
    const std::scoped_lock guard(mutex_);
    return Memory::read(issued_);
  }

 private:
  static constexpr auto limit = static_cast<std::uint64_t>(issued_max);

  // Under the lock. Seals at the first range that does not fit, as the lock-free counter must (issued.hpp), so that
  // all sequencers end alike.
  std::uint64_t reserve(std::uint64_t message_count) {
    const std::uint64_t start = Memory::read(issued_);
    if (Memory::read(sealed_) || start > limit - message_count) [[unlikely]] {
      Memory::write(sealed_, true);
      refuse_range(message_count);
    }
    Memory::write(issued_, start + message_count);
    return start;
  }

  ClientTable<Memory> clients_;
  // The lock and what it guards share a line: whoever takes the lock needs both.
  alignas(cache_line_size) mutable typename Memory::Mutex mutex_;
  typename Memory::template Plain<std::uint64_t> issued_;
  typename Memory::template Plain<bool> sealed_{false};
};

}  // namespace fencepost
