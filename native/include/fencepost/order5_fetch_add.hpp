// Order 5: a total order of batches with one fetch_add each.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "fencepost/batch.hpp"
#include "fencepost/columns.hpp"
#include "fencepost/configuration.hpp"
#include "fencepost/issued.hpp"
#include "fencepost/limits.hpp"
#include "fencepost/mutant.hpp"

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

  // Orders the rows one behind the other, with one fetch_add for every 65,536 of them, and writes where each begins.
  // Nothing is ordered if a value is out of range. Throws Refused when the positions are used up.
  void order_all(const BatchColumns& columns, std::span<std::int64_t> starts) {
    std::uint64_t total = add_up(columns, starts);
    for (std::size_t from = 0; from < starts.size(); from += rows_at_once) {
      const std::span rows = starts.subspan(from, std::min(rows_at_once, starts.size() - from));
      const bool is_last = from + rows.size() == starts.size();
      const auto offset = static_cast<std::uint64_t>(rows.front());
      const std::size_t next = from + rows.size() - (mutated(Mutation::bulk_chunk_short) ? 1 : 0);
      const auto end = is_last ? total : static_cast<std::uint64_t>(starts[next]);
      const auto shift = static_cast<std::int64_t>(issued_.reserve(end - offset) - offset);
      for (std::int64_t& start : rows) start += shift;
    }
  }

  std::uint64_t next_seq(std::uint64_t /*client_id*/) const noexcept { return 0; }  // no client has a next

  std::uint64_t issued() const noexcept { return issued_.value(); }

 private:
  static constexpr auto rows_at_once = static_cast<std::size_t>(epoch_batch_count_max);  // their sum stays below 2^48

  // Writes into `starts` how many messages are before each row and returns how many there are; each count is read once.
  static std::uint64_t add_up(const BatchColumns& columns, std::span<std::int64_t> starts) {
    std::uint64_t outside = check_lengths_and_identities(columns);
    std::uint64_t total = 0;
    for (std::size_t row = 0; row < starts.size(); ++row) {
      const std::int64_t message_count = columns.message_count[row];
      outside |= beyond(message_count, 1, message_count_max);
      starts[row] = static_cast<std::int64_t>(total);
      total += static_cast<std::uint64_t>(message_count);
    }
    if (static_cast<std::int64_t>(outside) < 0) refuse_columns(columns);
    return total;
  }

  Issued<Memory> issued_;
  static_assert(sizeof(Issued<Memory>) == cache_line_size && alignof(Issued<Memory>) == cache_line_size,
                "the counter has a line of its own");
};

}  // namespace fencepost
