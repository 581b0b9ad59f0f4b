// Where the words of the pipeline lie, and who writes each line: model/programs/layout.py, as numbers.
#pragma once

#include <array>
#include <cstdint>

#include "fencepost/pipeline/words.hpp"

namespace fencepost::pipeline {

enum class LineName : std::uint8_t { counter, lock, shard, next, written, consumed, claimed, payload, header, chain, acked, clock };

// A line by name. Numbers that a name has no use for are -1.
struct NamedLine {
  LineName name = LineName::counter;
  std::int64_t first = -1;   // the ring; of `clock`, of its scanner; of `next`, the client; of `shard` and `chain`, its number
  std::int64_t second = -1;  // the slot; of `acked`, the client
  std::uint32_t word_count = 1;
};

struct Layout {
  std::uint32_t ring_count = 0;
  std::uint32_t slots = 0;         // of each ring
  std::uint32_t client_count = 0;  // clients are numbered from 0
  std::uint32_t shard_count = 0;   // of clients, with a lock each
  std::uint32_t worker_count = 1;  // that read one ring, with an export chain each
  std::uint32_t clock_count = 0;   // of scanners whose waits may time out, behind all rings

  constexpr Layout() = default;
  constexpr Layout(std::uint32_t rings, std::uint32_t slots_each, std::uint32_t clients, std::uint32_t shards = 0,
                   std::uint32_t workers = 1, std::uint32_t clocks = 0)
      : ring_count(rings),
        slots(slots_each),
        client_count(clients),
        shard_count(shards),
        worker_count(workers),
        clock_count(clocks),
        first_(2 + shards + clients),
        ring_size_(3 + (2 + workers) * slots_each + clients) {}

  constexpr Word issued() const { return {0, 0}; }
  constexpr Word lock() const { return {1, 0}; }
  constexpr Word shard_lock(std::size_t shard) const { return {2 + static_cast<LineIndex>(shard), 0}; }
  constexpr Word next_seq(Value client) const { return {2 + shard_count + static_cast<LineIndex>(client), 0}; }
  constexpr Word exported(Value client) const { return {next_seq(client).line, 1}; }
  constexpr LineIndex written(std::uint32_t ring) const { return base(ring); }
  constexpr LineIndex consumed(std::uint32_t ring) const { return base(ring) + 1; }
  constexpr LineIndex claimed(std::uint32_t ring) const { return base(ring) + 2; }
  constexpr LineIndex payload(std::uint32_t ring, Value index) const { return base(ring) + 3 + slot(index); }
  constexpr LineIndex header(std::uint32_t ring, Value index) const { return base(ring) + 3 + slots + slot(index); }
  constexpr std::uint32_t chain_of(std::uint32_t ring, std::uint32_t worker) const { return ring * worker_count + worker; }
  constexpr LineIndex chain(std::uint32_t chain, Value number) const {
    return base(chain / worker_count) + 3 + (2 + chain % worker_count) * slots + slot(number);
  }
  constexpr LineIndex acked(std::uint32_t ring, Value client) const {
    return base(ring) + 3 + (2 + worker_count) * slots + static_cast<LineIndex>(client);
  }
  constexpr Word clock(std::uint32_t ring) const { return {base(ring_count) + ring, 0}; }
  constexpr LineIndex line_count() const { return base(ring_count) + clock_count; }

  constexpr std::uint32_t slot(Value index) const {
    const Value size = slots;
    return static_cast<std::uint32_t>((index % size + size) % size);
  }
  constexpr std::uint32_t to_ring(std::uint32_t ring) const { return ring; }
  constexpr std::uint32_t to_client(Value client) const { return ring_count + static_cast<std::uint32_t>(client); }
  constexpr std::uint32_t channel_count() const { return ring_count + client_count; }

  constexpr NamedLine name(LineIndex line) const {
    if (line < 2) return {line == 0 ? LineName::counter : LineName::lock, -1, -1, 1};
    if (line < 2 + shard_count) return {LineName::shard, line - 2, -1, 1};
    if (line < base(0)) return {LineName::next, line - 2 - shard_count, -1, 2};
    if (line >= base(ring_count)) return {LineName::clock, line - base(ring_count), -1, 1};
    const LineIndex in_rings = line - base(0);
    const LineIndex ring = in_rings / ring_size_, at = in_rings % ring_size_;
    constexpr LineName counts[]{LineName::written, LineName::consumed, LineName::claimed};
    if (at < 3) return {counts[at], ring, -1, 1};
    const LineIndex client = at - 3 - (2 + worker_count) * slots, of = (at - 3) / slots, place = (at - 3) % slots;
    if (of >= 2 + worker_count) return {LineName::acked, ring, client, 1};
    if (of >= 2) return {LineName::chain, chain_of(ring, of - 2), place, 2};
    return {of == 0 ? LineName::payload : LineName::header, ring, place, of == 0 ? 1U : 2U};
  }

 private:
  constexpr LineIndex base(std::uint32_t ring) const { return first_ + ring * ring_size_; }

  LineIndex first_ = 2;      // of the first ring
  LineIndex ring_size_ = 3;  // lines
};

// Words of the lines that have two.
inline constexpr std::uint32_t batch_word = 0, entry_word = 0, guard_word = 1;

}  // namespace fencepost::pipeline
