// What each structure allocates when it is made, beside what its header says it does.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "fencepost/client_table.hpp"
#include "fencepost/configuration.hpp"
#include "fencepost/counted.hpp"
#include "fencepost/epoch.hpp"
#include "fencepost/export_chain.hpp"
#include "fencepost/issued.hpp"
#include "fencepost/lap_ring.hpp"
#include "fencepost/limits.hpp"
#include "fencepost/owned_clients.hpp"
#include "fencepost/parking.hpp"

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

// `bookkeeping`: a few words that an array may keep beside its elements.
inline std::vector<Allocated> allocated_by_structures(std::int64_t slot_count, std::int64_t client_capacity,
                                                      std::int64_t parking_capacity, std::int64_t epoch_batch_count) {
  constexpr std::uint64_t bookkeeping = cache_line_size;
  const std::uint64_t slots = checked("slot_count", slot_count, 1, std::int64_t{1} << 24);
  const std::uint64_t clients = checked("client_capacity", client_capacity, 1, client_capacity_max);
  const std::uint64_t parked = checked("parking_capacity", parking_capacity, 0, parking_capacity_max);
  const std::uint64_t planned = checked("epoch_batch_count", epoch_batch_count, 1, epoch_batch_count_max);
  constexpr std::uint64_t readers = 4;
  Issued<Counted> issued(0);
  return {
      {"ring", (slots + readers) * 64 + 2 * bookkeeping,
       bytes_of([&] { return std::make_unique<LapRing<Counted, Batch>>(slots, readers); }) -
           sizeof(LapRing<Counted, Batch>)},
      {"export_chain", (slots + readers) * 64 + 2 * bookkeeping,
       bytes_of([&] { return std::make_unique<ExportChain<Counted>>(slots, readers, Publication::none, 1); }) -
           sizeof(ExportChain<Counted>)},
      {"client_table", clients * 64 + bookkeeping, bytes_of([&] { return ClientTable<Counted>(clients); })},
      {"owned_clients", clients * 64, bytes_of([&] { return OwnedClients(clients); })},
      {"parking", parked * 34 + clients * 4 + 512, bytes_of([&] { return Parking(parked, clients); })},
      {"epoch", planned * 32, bytes_of([&] { return Epoch<Counted>(planned, issued); })},
  };
}

}  // namespace fencepost
