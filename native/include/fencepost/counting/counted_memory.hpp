// What each structure allocates when it is made, beside what its header says it does.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "fencepost/clients/client_table.hpp"
#include "fencepost/sequencers/configuration.hpp"
#include "fencepost/counting/counted.hpp"
#include "fencepost/structures/epoch.hpp"
#include "fencepost/structures/export_chain.hpp"
#include "fencepost/structures/issued.hpp"
#include "fencepost/structures/lap_ring.hpp"
#include "fencepost/structures/limits.hpp"
#include "fencepost/clients/owned_clients.hpp"
#include "fencepost/clients/parked_near.hpp"
#include "fencepost/clients/parking.hpp"

namespace fencepost {

struct Allocated {
  std::string structure;
  std::uint64_t stated_bytes;  // at most, by the configuration alone
  std::uint64_t allocated_bytes;
};

template <class Make>
std::uint64_t bytes_of(Make&& make) {
  const std::uint64_t before = thread_counts.allocated_bytes;
  [[maybe_unused]] const auto made = make();
  return thread_counts.allocated_bytes - before;
}

// Memory that is placed (placement.hpp) does not come from operator new.
template <class Made>
std::uint64_t bytes_with_pages(std::unique_ptr<Made> (*make)(std::size_t slot_count), std::size_t slot_count) {
  const std::uint64_t before = thread_counts.allocated_bytes;
  const std::unique_ptr<Made> made = make(slot_count);
  std::uint64_t placed_bytes = 0;
  if constexpr (requires { made->ring(); }) {
    placed_bytes = made->ring().placement_got().memory_size;
  } else {
    placed_bytes = made->placement_got().memory_size;
  }
  return thread_counts.allocated_bytes - before + placed_bytes;
}

constexpr std::size_t counted_reader_count = 4;

inline std::unique_ptr<LapRing<Counted, Batch>> counted_ring(std::size_t slot_count) {
  return std::make_unique<LapRing<Counted, Batch>>(slot_count, counted_reader_count);
}

inline std::unique_ptr<ExportChain<Counted>> counted_chain(std::size_t slot_count) {
  return std::make_unique<ExportChain<Counted>>(slot_count, counted_reader_count, Publication::none, 1);
}

// A line more than is stated where an array may keep a few words beside its elements; three for a chain's policy.
inline std::vector<Allocated> allocated_by_structures(std::int64_t slot_count, std::int64_t client_capacity,
                                                      std::int64_t parking_capacity, std::int64_t epoch_batch_count) {
  constexpr std::uint64_t line = cache_line_size;
  const std::uint64_t slots = checked("slot_count", slot_count, 1, slot_count_max);
  const std::uint64_t clients = checked("client_capacity", client_capacity, 1, client_capacity_max);
  const std::uint64_t parked = checked("parking_capacity", parking_capacity, 0, parking_capacity_max);
  const std::uint64_t planned = checked("epoch_batch_count", epoch_batch_count, 1, epoch_batch_count_max);
  const std::uint64_t ring = (slots * line + 4095) / 4096 * 4096 + (counted_reader_count + 4) * line;
  const std::size_t entry_count = OwnedClients(clients).entry_count();
  Issued<Counted> issued(0);
  return {
      {"ring", ring + line, bytes_with_pages(counted_ring, slots)},
      {"export_chain", ring + line + 3 * line, bytes_with_pages(counted_chain, slots)},
      {"client_table", clients * line + line, bytes_of([&] { return ClientTable<Counted>(clients); })},
      {"owned_clients", clients * 64, bytes_of([&] { return OwnedClients(clients); })},
      {"parking", parked * 34 + clients * 4 + 512, bytes_of([&] { return Parking(parked, clients); })},
      {"parked_near", parked * 32 + clients * 80, bytes_of([&] { return ParkedNear(parked, entry_count); })},
      {"epoch", planned * 32, bytes_of([&] { return Epoch<Counted>(planned, issued); })},
  };
}

}  // namespace fencepost
