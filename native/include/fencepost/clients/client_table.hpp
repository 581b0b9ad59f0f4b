// One 64-bit word per client: insert-only open addressing, lock-free, fixed capacity.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "fencepost/clients/client_ids.hpp"
#include "fencepost/structures/limits.hpp"

namespace fencepost {

// Two clients never share a word. The variant that is often met, `words[client_id % K]`, aliases clients 0 and K: after
// batch 0 of client 0 the table says that client K's batch 0 is a duplicate, and it is dropped.
//
// A bucket is empty until a client takes it, and is that client's for ever. All searches for one client visit buckets
// in the same sequence and stop at the first empty one, and buckets do not become empty again: so two threads that
// insert the same client meet at the same bucket, and the loser of the compare-exchange finds the winner's id in it.
//
// `client_capacity` is the number of buckets, so exactly that many clients fit. Searches are short while no more than
// half of the buckets are taken and visit every bucket when all are.
template <class Memory>
class ClientTable {
 public:
  using Word = typename Memory::template Word<std::uint64_t>;

  // Allocates client_capacity * 64 bytes; nothing is allocated afterwards.
  explicit ClientTable(std::size_t client_capacity)
      : bucket_count_(checked("client_capacity", static_cast<std::int64_t>(client_capacity), 1, client_capacity_max)),
        buckets_(std::make_unique<Bucket[]>(bucket_count_)) {}

  std::size_t bucket_count() const noexcept { return bucket_count_; }

  // Returns the client's word, 0 if the client is new. At most client_capacity steps, never blocks.
  // `client_id` is at most client_id_max. Throws Refused when the client is new and every bucket is taken.
  //
  // Relaxed is enough for the id: it names the bucket and publishes nothing. The word beside it was made 0 by the
  // constructor, which happens before every thread's first access.
  Word& word_of(std::uint64_t client_id) {
    std::size_t index = first_bucket_index(client_id);
    std::size_t probe_count = 0;
    do {
      Bucket& bucket = buckets_[index];
      std::uint64_t owner = Memory::load_relaxed(bucket.client_id);
      const bool is_empty = owner == no_client;
      if (is_empty && Memory::compare_exchange_relaxed(bucket.client_id, owner, client_id)) return bucket.word;
      // Found, or a failed exchange showed the winner's id.
      if (owner == client_id) return bucket.word;
      index = index + 1 == bucket_count_ ? 0 : index + 1;
    } while (++probe_count < bucket_count_);  // there is at least one bucket
    refuse_client(client_id, bucket_count_);
  }

  // The client's word as memory has it, or nullptr if it has none: `Reading` is what it is looked at through. Takes no
  // bucket: a host that looks on must not store to a line that another host writes.
  template <class Reading>
  const Word* find(std::uint64_t client_id) const {
    std::size_t index = first_bucket_index(client_id);
    for (std::size_t probe_count = 0; probe_count < bucket_count_; ++probe_count) {
      Bucket& bucket = buckets_[index];
      // What is already here of this line may be older than what its writer wrote back; the word is in it too.
      Reading::invalidate(&bucket);
      Reading::full_fence();
      const std::uint64_t owner = Reading::load_relaxed(bucket.client_id);
      if (owner == no_client) return nullptr;
      if (owner == client_id) return &bucket.word;
      index = index + 1 == bucket_count_ ? 0 : index + 1;
    }
    return nullptr;
  }

 private:
  static constexpr std::uint64_t no_client = UINT64_MAX;  // no legal id: ids are at most 2^63 - 1

  // A line each, so that scanners busy with different clients do not pass lines to and fro.
  struct alignas(cache_line_size) Bucket {
    typename Memory::template Word<std::uint64_t> client_id{no_client};
    Word word{0};
  };

  // Mixes all 64 bits, then scales the upper 32 to the table: no division, any capacity.
  std::size_t first_bucket_index(std::uint64_t client_id) const noexcept {
    const std::uint64_t mixed = mixed_client(client_id);
    static_assert(client_capacity_max <= (std::int64_t{1} << 32), "the product below must fit 64 bits");
    return static_cast<std::size_t>(((mixed >> 32) * bucket_count_) >> 32);
  }

  std::size_t bucket_count_;
  std::unique_ptr<Bucket[]> buckets_;
};

}  // namespace fencepost
