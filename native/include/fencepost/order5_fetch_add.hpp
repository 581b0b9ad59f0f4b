// Order 5: a total order of batches with one fetch_add each.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "fencepost/batch.hpp"
#include "fencepost/configuration.hpp"
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

  // No client is remembered.
  explicit Order5FetchAdd(const Configuration& configuration) noexcept : issued_(configuration.first_position) {}

  // Always `ordered`. Wait-free: one fetch_add, whatever other threads do.
  // Throws Refused when the positions are used up.
  Attempt try_order(std::uint64_t /*client_id*/, std::uint64_t /*batch_seq*/, std::uint64_t message_count) {
    return {AttemptOutcome::ordered, false, issued_.reserve(message_count)};
  }

  // Orders as many batches as there are counts, one behind the other, with one fetch_add for every 65,536 of them, and
  // writes where each begins. Each count is read once: one that is out of range is refused with all behind it. Throws
  // Refused when the positions are used up, too.
  void order_all(std::span<const std::int64_t> message_counts, std::span<std::int64_t> starts) {
    for (std::size_t from = 0; from < message_counts.size(); from += counts_at_once) {
      const std::size_t count = std::min(counts_at_once, message_counts.size() - from);
      order_some(message_counts.subspan(from, count), starts.subspan(from, count));
    }
  }

  std::uint64_t issued() const noexcept { return issued_.value(); }

 private:
  static constexpr auto counts_at_once = static_cast<std::size_t>(epoch_batch_count_max);  // the sum stays below 2^48

  void order_some(std::span<const std::int64_t> message_counts, std::span<std::int64_t> starts) {
    std::uint64_t total = 0;
    bool is_fine = true;
    for (std::size_t index = 0; index < message_counts.size(); ++index) {
      const std::int64_t message_count = message_counts[index];
      is_fine &= (message_count >= 1) & (message_count <= message_count_max);
      starts[index] = static_cast<std::int64_t>(total);
      total += static_cast<std::uint64_t>(message_count);
    }
    if (!is_fine) throw Refused("a message_count is out of range: expected 1.." + std::to_string(message_count_max));
    const auto first = static_cast<std::int64_t>(issued_.reserve(total));
    for (std::int64_t& start : starts) start += first;
  }

  Issued<Memory> issued_;
  static_assert(sizeof(Issued<Memory>) == cache_line_size && alignof(Issued<Memory>) == cache_line_size,
                "the counter has a line of its own");
};

}  // namespace fencepost
