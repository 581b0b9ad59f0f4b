// Where the words of the pipeline lie, and who writes each line: model/programs/layout.py, as numbers.
#pragma once

#include <array>
#include <cstdint>

#include "fencepost/pipeline_words.hpp"

namespace fencepost::pipeline {

enum class LineName : std::uint8_t { counter, lock, next, written, consumed, payload, header, chain, acked };

// A line by name. Numbers that a name has no use for are -1.
struct NamedLine {
  LineName name = LineName::counter;
  std::int64_t first = -1;   // the ring; of `next`, the client
  std::int64_t second = -1;  // the slot; of `acked`, the client
  std::uint32_t word_count = 1;
};

struct Layout {
  std::uint32_t ring_count = 0;
  std::uint32_t slots = 0;         // of each ring
  std::uint32_t client_count = 0;  // clients are numbered from 0

  constexpr Word issued() const { return {0, 0}; }
  constexpr Word lock() const { return {1, 0}; }
  constexpr Word next_seq(Value client) const { return {2 + static_cast<LineIndex>(client), 0}; }
  constexpr Word exported(Value client) const { return {2 + static_cast<LineIndex>(client), 1}; }
  constexpr LineIndex written(std::uint32_t ring) const { return base(ring); }
  constexpr LineIndex consumed(std::uint32_t ring) const { return base(ring) + 1; }
  constexpr LineIndex payload(std::uint32_t ring, Value index) const { return base(ring) + 2 + slot(index); }
  constexpr LineIndex header(std::uint32_t ring, Value index) const { return base(ring) + 2 + slots + slot(index); }
  constexpr LineIndex chain(std::uint32_t ring, Value number) const { return base(ring) + 2 + 2 * slots + slot(number); }
  constexpr LineIndex acked(std::uint32_t ring, Value client) const {
    return base(ring) + 2 + 3 * slots + static_cast<LineIndex>(client);
  }
  constexpr LineIndex line_count() const { return base(ring_count); }

  constexpr std::uint32_t slot(Value index) const {
    const Value size = slots;
    return static_cast<std::uint32_t>((index % size + size) % size);
  }
  constexpr std::uint32_t to_ring(std::uint32_t ring) const { return ring; }
  constexpr std::uint32_t to_client(Value client) const { return ring_count + static_cast<std::uint32_t>(client); }
  constexpr std::uint32_t channel_count() const { return ring_count + client_count; }

  constexpr NamedLine name(LineIndex line) const {
    if (line < 2) return {line == 0 ? LineName::counter : LineName::lock, -1, -1, 1};
    if (line < 2 + client_count) return {LineName::next, line - 2, -1, 2};
    const LineIndex in_rings = line - 2 - client_count;
    const LineIndex ring = in_rings / ring_size(), at = in_rings % ring_size();
    if (at < 2) return {at == 0 ? LineName::written : LineName::consumed, ring, -1, 1};
    if (at >= 2 + 3 * slots) return {LineName::acked, ring, at - 2 - 3 * slots, 1};
    const std::array names{LineName::payload, LineName::header, LineName::chain};
    const LineIndex of = (at - 2) / slots;
    return {names[of], ring, (at - 2) % slots, of == 0 ? 1U : 2U};
  }

 private:
  constexpr LineIndex ring_size() const { return 2 + 3 * slots + client_count; }
  constexpr LineIndex base(std::uint32_t ring) const { return 2 + client_count + ring * ring_size(); }
};

// Words of the lines that have two.
inline constexpr std::uint32_t batch_word = 0, entry_word = 0, guard_word = 1;

}  // namespace fencepost::pipeline
