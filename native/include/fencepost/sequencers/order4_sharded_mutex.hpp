// Order 4 with a lock for each shard of the clients; the counter is shared by all.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string_view>

#include "fencepost/structures/batch.hpp"
#include "fencepost/clients/client_ids.hpp"
#include "fencepost/clients/client_table.hpp"
#include "fencepost/sequencers/configuration.hpp"
#include "fencepost/structures/issued.hpp"
#include "fencepost/structures/limits.hpp"

namespace fencepost {

// A client's word is read and written under the lock of its shard only; the range is taken under it, too, so that a
// client's successor finds its fetch_add done. Two clients of one shard wait for each other without need: that is the
// price against order4.claim, whose claims are per client.
template <class Memory, std::size_t shard_count_ = 64>
class Order4ShardedMutex {
 public:
  static constexpr std::string_view name = "order4.sharded_mutex";
  static constexpr int level = 4;
  static constexpr bool parks = true;
  static constexpr std::size_t shard_count = shard_count_;

  explicit Order4ShardedMutex(const Configuration& configuration)
      : clients_(configuration.client_capacity), issued_(configuration.first_position) {}

  // BLOCKS while another thread holds the shard's lock. Throws Refused when the client table is full or the positions
  // are used up; the lock is free and nothing is changed then, but for the seal.
  Attempt try_order(std::uint64_t client_id, std::uint64_t batch_seq, std::uint64_t message_count) {
    auto& next_seq = clients_.word_of(client_id);  // lock-free: only the word is the shard's
    const std::scoped_lock guard(shards_[owner_of(client_id, shard_count)].mutex);
    // All accesses to the word are under the shard's lock, which orders them: relaxed is enough.
    const std::uint64_t next = Memory::load_relaxed(next_seq);
    if (next > batch_seq) return {AttemptOutcome::duplicate, false, next};
    if (next < batch_seq) return {AttemptOutcome::later, false, next};
    const std::uint64_t start = issued_.reserve(message_count);
    Memory::store_relaxed(next_seq, batch_seq + 1);
    return {AttemptOutcome::ordered, false, start};
  }

  // A hint which of the client's batches to try: the next, or one before it.
  std::uint64_t next_seq(std::uint64_t client_id) { return word(client_id); }

  // The client's word, for whoever waits until it changes. Relaxed and without the lock, as nothing is read behind it.
  std::uint64_t word(std::uint64_t client_id) { return Memory::load_relaxed(clients_.word_of(client_id)); }
  static constexpr std::uint64_t next_seq_in(std::uint64_t word) noexcept { return word; }
  static constexpr std::uint64_t word_before(std::uint64_t batch_seq) noexcept { return batch_seq; }

  std::uint64_t issued() const noexcept { return issued_.value(); }

 private:
  struct alignas(cache_line_size) Shard {
    typename Memory::Mutex mutex;
  };
  static_assert(sizeof(Shard) == cache_line_size, "a lock each, a line each");

  ClientTable<Memory> clients_;
  std::array<Shard, shard_count> shards_;
  Issued<Memory> issued_;
};

}  // namespace fencepost
