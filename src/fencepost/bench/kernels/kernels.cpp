// Single-threaded kernels of the production headers, one a run, for a simulated processor to count: `kernels NAME COUNT`
// does COUNT batches. What starting costs is the same for any COUNT, so that the difference of two runs has none of it.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "fencepost/sequencers/configuration.hpp"
#include "fencepost/structures/export_chain.hpp"
#include "fencepost/structures/lap_ring.hpp"
#include "fencepost/memory/coherent.hpp"
#include "fencepost/sequencers/order4_claim.hpp"
#include "fencepost/sequencers/order4_mutex.hpp"
#include "fencepost/sequencers/order4_sharded_mutex.hpp"
#include "fencepost/sequencers/order5_fetch_add.hpp"
#include "fencepost/clients/parking.hpp"

using namespace fencepost;

namespace {

constexpr std::uint64_t client_count = 64;

// Batches of 64 clients, each in order.
template <class Sequencer>
std::uint64_t order(std::uint64_t batch_count) {
  Configuration configuration;
  configuration.client_capacity = client_count * 2;
  Sequencer sequencer(configuration);
  std::uint64_t sum = 0;
  for (std::uint64_t index = 0; index < batch_count; ++index) {
    sum += sequencer.try_order(index % client_count, index / client_count, 8).start;
  }
  return sum;
}

std::uint64_t ring(std::uint64_t batch_count) {
  using Ring = LapRing<Coherent, Batch>;
  Ring made(512, 1);
  Ring::Reader reader(made, 0);
  std::uint64_t sum = 0;
  for (std::uint64_t index = 0; index < batch_count; ++index) {
    if (!made.has_room(1)) return 0;
    made.place({index % client_count, index / client_count, 8});
    made.raise();
    if (reader.readable_count(1) != 1) return 0;
    sum += reader.at(0).batch_seq;
    reader.consume(1);
  }
  return sum + 1;
}

// Each batch is parked and found again by the one that comes four later.
std::uint64_t park(std::uint64_t batch_count) {
  Parking parking(1024, client_count);
  std::uint64_t sum = 1;
  for (std::uint64_t index = 0; index < batch_count; ++index) {
    parking.try_park(index % client_count, {index % client_count, index, 8}, index);
    if (index < 4) continue;
    const auto place = parking.find((index - 4) % client_count, index - 4);
    sum += parking.at(place).batch_seq;
    parking.remove(place);
  }
  return sum;
}

std::uint64_t export_batches(std::uint64_t batch_count) {
  ExportChain<Coherent> chain(512, 1, Publication::none, 1);
  typename ExportChain<Coherent>::Ring::Reader reader(chain.ring(), 0);
  std::uint64_t sum = 1;
  for (std::uint64_t index = 0; index < batch_count; ++index) {
    chain.export_blocking({index % client_count, index / client_count, index * 8, 8, index});
    if (reader.readable_count(1) != 1) return 0;
    sum += reader.at(0).start;
    reader.consume(1);
  }
  return sum;
}

struct Kernel {
  std::string_view name;
  std::uint64_t (*run)(std::uint64_t batch_count);
};

constexpr Kernel kernels[] = {
    {"ring", ring},
    {"order5.fetch_add", order<Order5FetchAdd<Coherent>>},
    {"order4.mutex", order<Order4Mutex<Coherent>>},
    {"order4.sharded_mutex", order<Order4ShardedMutex<Coherent>>},
    {"order4.claim", order<Order4Claim<Coherent>>},
    {"parking", park},
    {"export", export_batches},
};

}  // namespace

int main(int argument_count, char** arguments) {
  if (argument_count != 3) return 2;
  for (const Kernel& each : kernels) {
    if (each.name == arguments[1]) {
      const std::uint64_t sum = each.run(std::strtoull(arguments[2], nullptr, 10));
      std::printf("%llu\n", static_cast<unsigned long long>(sum));
      return sum == 0 ? 1 : 0;
    }
  }
  return 2;
}
