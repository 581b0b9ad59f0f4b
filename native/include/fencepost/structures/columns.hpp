// Workload columns as they come in, checked and copied before anything runs on them.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "fencepost/structures/batch.hpp"
#include "fencepost/structures/limits.hpp"

namespace fencepost {

using Column = std::span<const std::int64_t>;

// One row per arrival. The spans belong to the caller.
struct BatchColumns {
  Column client_id;
  Column batch_seq;
  Column message_count;

  std::size_t row_count() const noexcept { return client_id.size(); }
};

inline void check_length(std::string_view column, std::size_t value_count, std::size_t row_count) {
  if (value_count == row_count) return;
  throw Refused("column " + std::string(column) + " has " + std::to_string(value_count) + " values, client_id has " +
                std::to_string(row_count) + ": expected equal lengths");
}

inline void check_lengths(const BatchColumns& columns) {
  check_length("batch_seq", columns.batch_seq.size(), columns.row_count());
  check_length("message_count", columns.message_count.size(), columns.row_count());
}

// Has its sign bit set if `value` is not in low..high, where 0 <= low <= high: in that range neither difference borrows.
// A value below `low` may be so far below that value - low wraps; then it is negative, and so is its own sign bit.
inline std::uint64_t beyond(std::int64_t value, std::int64_t low, std::int64_t high) noexcept {
  const auto bits = static_cast<std::uint64_t>(value);
  return bits | (bits - static_cast<std::uint64_t>(low)) | (static_cast<std::uint64_t>(high) - bits);
}

struct CopiedCounts {
  std::uint64_t total;
  bool is_outside;  // a value of some row is out of range
};

// Copies the message_count of `counts.size()` rows from `first_row` on. Each is read once, so what was checked is what is
// used. Without a branch or a comparison per row, so that the compiler looks at several rows at once.
inline CopiedCounts copy_counts(const BatchColumns& columns, std::size_t first_row, std::span<std::int64_t> counts) {
  const Column client_ids = columns.client_id.subspan(first_row);
  const Column batch_seqs = columns.batch_seq.subspan(first_row);
  const Column message_counts = columns.message_count.subspan(first_row);
  std::uint64_t total = 0;
  std::uint64_t outside = 0;
  for (std::size_t row = 0; row < counts.size(); ++row) {
    const std::int64_t message_count = message_counts[row];
    outside |= static_cast<std::uint64_t>(client_ids[row]) | beyond(batch_seqs[row], 0, batch_seq_max) |
               beyond(message_count, 1, message_count_max);
    total += static_cast<std::uint64_t>(message_count);
    counts[row] = message_count;
  }
  return {total, static_cast<std::int64_t>(outside) < 0};
}

// Refuses the first row with a value out of range, where there is one.
[[noreturn]] inline void refuse_columns(const BatchColumns& columns) {
  for (std::size_t row = 0; row < columns.row_count(); ++row) {
    checked_row("client_id", row, columns.client_id[row], 0, client_id_max);
    checked_row("batch_seq", row, columns.batch_seq[row], 0, batch_seq_max);
    checked_row("message_count", row, columns.message_count[row], 1, message_count_max);
  }
  throw Refused("a column changed while it was read");
}

// Each value is read once, so that what was checked is what is used, whatever the owner of the columns does meanwhile.
inline std::vector<Batch> checked_batches(const BatchColumns& columns) {
  check_lengths(columns);
  const std::size_t row_count = columns.row_count();
  std::vector<Batch> batches;
  batches.reserve(row_count);
  for (std::size_t row = 0; row < row_count; ++row) {
    batches.push_back({checked_row("client_id", row, columns.client_id[row], 0, client_id_max),
                       checked_row("batch_seq", row, columns.batch_seq[row], 0, batch_seq_max),
                       checked_row("message_count", row, columns.message_count[row], 1, message_count_max)});
  }
  return batches;
}

// Room for every client of `batches` at half load (client_table.hpp), at least 1.
inline std::size_t client_capacity_for(const std::vector<Batch>& batches) {
  std::vector<std::uint64_t> client_ids;
  client_ids.reserve(batches.size());
  for (const Batch& batch : batches) client_ids.push_back(batch.client_id);
  std::sort(client_ids.begin(), client_ids.end());
  const auto last = std::unique(client_ids.begin(), client_ids.end());
  const auto client_count = static_cast<std::size_t>(last - client_ids.begin());
  return std::clamp<std::size_t>(client_count * 2, 1, static_cast<std::size_t>(client_capacity_max));
}

}  // namespace fencepost
