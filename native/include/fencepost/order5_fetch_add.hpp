// Order 5: a total order of batches with one fetch_add each.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "fencepost/batch.hpp"
#include "fencepost/issued.hpp"
#include "fencepost/limits.hpp"

namespace fencepost {

// Orders every batch it is given, at once: no order among a client's batches, no memory of what was ordered before.
// A batch sent twice is ordered twice.
template <class Memory>
class Order5FetchAdd {
 public:
  static constexpr std::string_view name = "order5.fetch_add";
  static constexpr int level = 5;
  static constexpr bool parks = false;

  // No client is remembered; `client_capacity` is there because every sequencer is made alike.
  Order5FetchAdd(std::size_t /*client_capacity*/, std::uint64_t first_position) noexcept : issued_(first_position) {}

  // Always `ordered`. Wait-free: one fetch_add, whatever other threads do.
  // Throws Refused when the positions are used up.
  Attempt try_order(std::uint64_t /*client_id*/, std::uint64_t /*batch_seq*/, std::uint64_t message_count) {
    return {AttemptOutcome::ordered, false, issued_.reserve(message_count)};
  }

  std::uint64_t issued() const noexcept { return issued_.value(); }

 private:
  Issued<Memory> issued_;
  static_assert(sizeof(Issued<Memory>) == cache_line_size && alignof(Issued<Memory>) == cache_line_size,
                "the counter has a line of its own");
};

}  // namespace fencepost
