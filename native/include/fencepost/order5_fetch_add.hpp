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
    if (static_cast<std::int64_t>(copy_counts(columns, starts)) < 0) refuse_columns(columns);
    for (std::size_t from = 0; from < starts.size(); from += rows_at_once) {
      const std::span rows = starts.subspan(from, std::min(rows_at_once, starts.size() - from));
      const bool is_last = from + rows.size() == starts.size();
      const std::size_t missing_count = mutated(Mutation::bulk_chunk_short) && !is_last ? 1 : 0;
      std::uint64_t total = 0;
      for (const std::int64_t message_count : rows.first(rows.size() - missing_count)) {
        total += static_cast<std::uint64_t>(message_count);
      }
      std::uint64_t next = issued_.reserve(total);
      for (std::int64_t& row : rows) {  // from how many messages to where they begin
        const auto message_count = static_cast<std::uint64_t>(row);
        row = static_cast<std::int64_t>(next);
        next += message_count;
      }
    }
  }

  std::uint64_t next_seq(std::uint64_t /*client_id*/) const noexcept { return 0; }  // no client has a next

  std::uint64_t issued() const noexcept { return issued_.value(); }

 private:
  static constexpr auto rows_at_once = static_cast<std::size_t>(epoch_batch_count_max);  // their sum stays below 2^48

  Issued<Memory> issued_;
  static_assert(sizeof(Issued<Memory>) == cache_line_size && alignof(Issued<Memory>) == cache_line_size,
                "the counter has a line of its own");
};

}  // namespace fencepost
