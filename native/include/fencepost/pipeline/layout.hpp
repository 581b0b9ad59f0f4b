// Where the words of the pipeline lie, and who writes each line: model/programs/layout.py, as numbers.
#pragma once

#include <array>
#include <cstdint>

#include "fencepost/pipeline/words.hpp"

namespace fencepost::pipeline {

enum class LineName : std::uint8_t {
  counter, lock, shard, next, written, consumed, claimed, payload, header, chain, acked, clock, joined, stop, committed, log,
};

// A line by name. Numbers that a name has no use for are -1.
struct NamedLine {
  LineName name = LineName::counter;
  std::int64_t first = -1;   // the ring; of `clock` and `stop`, of its scanner; of `next`, the client; of `shard` and
                             // `chain`, its number; of `log`, the position
  std::int64_t second = -1;  // the slot; of `acked`, the client
  std::uint32_t word_count = 1;
};

// Lines that only some runs have, behind all rings.
struct Additions {
  std::uint32_t clock_count = 0;     // of scanners whose waits may time out
  std::uint32_t late_count = 0;      // the last so many rings, whose brokers join while others run
  std::uint32_t stop_count = 0;      // of scanners that may be stopped
  std::uint32_t position_count = 0;  // of the log that readers by position read; 0: there is none, nor a frontier
};

struct Layout {
  std::uint32_t ring_count = 0;
  std::uint32_t slots = 0;         // of each ring
  std::uint32_t client_count = 0;  // clients are numbered from 0
  std::uint32_t shard_count = 0;   // of clients, with a lock each
  std::uint32_t worker_count = 1;  // that read one ring, with an export chain each
  Additions additions;
  bool has_fields = false;        // of a header: client, seq and count are words of their own
  std::uint32_t count_bits = 32;  // then, of the count of messages

  constexpr Layout() = default;
  constexpr Layout(std::uint32_t rings, std::uint32_t slots_each, std::uint32_t clients, std::uint32_t shards = 0,
                   std::uint32_t workers = 1, Additions added = {})
      : ring_count(rings),
        slots(slots_each),
        client_count(clients),
        shard_count(shards),
        worker_count(workers),
        additions(added),
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
  constexpr Word header_guard(std::uint32_t ring, Value index) const { return {header(ring, index), header_words() - 1}; }
  constexpr std::uint32_t header_words() const { return has_fields ? 4 : 2; }
  constexpr Value kept_count(Value count) const { return count & ((Value{1} << count_bits) - 1); }
  constexpr std::uint32_t chain_of(std::uint32_t ring, std::uint32_t worker) const { return ring * worker_count + worker; }
  constexpr LineIndex chain(std::uint32_t chain, Value number) const {
    return base(chain / worker_count) + 3 + (2 + chain % worker_count) * slots + slot(number);
  }
  constexpr LineIndex acked(std::uint32_t ring, Value client) const {
    return base(ring) + 3 + (2 + worker_count) * slots + static_cast<LineIndex>(client);
  }
  constexpr Word clock(std::uint32_t ring) const { return {base(ring_count) + ring, 0}; }
  constexpr bool joins_late(std::uint32_t ring) const { return ring >= first_late(); }
  constexpr Word joined(std::uint32_t ring) const { return {first_joined() + ring - first_late(), 0}; }
  constexpr Word stop(std::uint32_t ring) const { return {first_stop() + ring, 0}; }
  constexpr Word committed() const { return {first_committed(), 0}; }
  constexpr Word log(Value position) const { return {first_committed() + 1 + static_cast<LineIndex>(position), 0}; }
  constexpr LineIndex line_count() const {
    return first_committed() + (additions.position_count > 0 ? 1 + additions.position_count : 0);
  }

  constexpr std::uint32_t slot(Value index) const {
    const Value size = slots;
    return static_cast<std::uint32_t>((index % size + size) % size);
  }
  constexpr std::uint32_t to_ring(std::uint32_t ring) const { return ring; }
  constexpr std::uint32_t to_client(Value client) const { return ring_count + static_cast<std::uint32_t>(client); }
  constexpr std::uint32_t to_scanner(std::uint32_t ring) const { return ring_count + client_count + ring; }  // that is stopped
  constexpr std::uint32_t channel_count() const { return ring_count + client_count + additions.stop_count; }

  constexpr NamedLine name(LineIndex line) const {
    if (line < 2) return {line == 0 ? LineName::counter : LineName::lock, -1, -1, 1};
    if (line < 2 + shard_count) return {LineName::shard, line - 2, -1, 1};
    if (line < base(0)) return {LineName::next, line - 2 - shard_count, -1, 2};
    if (line >= base(ring_count)) return added_name(line);
    const LineIndex in_rings = line - base(0);
    const LineIndex ring = in_rings / ring_size_, at = in_rings % ring_size_;
    constexpr LineName counts[]{LineName::written, LineName::consumed, LineName::claimed};
    if (at < 3) return {counts[at], ring, -1, 1};
    const LineIndex client = at - 3 - (2 + worker_count) * slots, of = (at - 3) / slots, place = (at - 3) % slots;
    if (of >= 2 + worker_count) return {LineName::acked, ring, client, 1};
    if (of >= 2) return {LineName::chain, chain_of(ring, of - 2), place, 2};
    return {of == 0 ? LineName::payload : LineName::header, ring, place, of == 0 ? 1U : header_words()};
  }

 private:
  constexpr LineIndex base(std::uint32_t ring) const { return first_ + ring * ring_size_; }
  constexpr std::uint32_t first_late() const { return ring_count - additions.late_count; }
  constexpr LineIndex first_joined() const { return base(ring_count) + additions.clock_count; }
  constexpr LineIndex first_stop() const { return first_joined() + additions.late_count; }
  constexpr LineIndex first_committed() const { return first_stop() + additions.stop_count; }

  constexpr NamedLine added_name(LineIndex line) const {
    if (line < first_joined()) return {LineName::clock, line - base(ring_count), -1, 1};
    if (line < first_stop()) return {LineName::joined, line - first_joined() + first_late(), -1, 1};
    if (line < first_committed()) return {LineName::stop, line - first_stop(), -1, 1};
    if (line == first_committed()) return {LineName::committed, -1, -1, 1};
    return {LineName::log, line - first_committed() - 1, -1, 1};
  }

  LineIndex first_ = 2;      // of the first ring
  LineIndex ring_size_ = 3;  // lines
};

// Words of the lines that have two.
inline constexpr std::uint32_t batch_word = 0, entry_word = 0, guard_word = 1;
// Words of a header whose fields are words of their own, before its guard.
inline constexpr std::uint32_t client_word = 0, seq_word = 1, count_word = 2;

}  // namespace fencepost::pipeline
