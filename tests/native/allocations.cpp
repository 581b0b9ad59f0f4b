// The production loops, with their own types, over rings of eight slots: prints how many times memory was allocated
// while they ran, and how many batches they ordered.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <new>
#include <vector>

#include "fencepost/structures/lap_ring.hpp"
#include "fencepost/structures/poll.hpp"
#include "fencepost/structures/quiescence.hpp"
#include "fencepost/structures/scanner.hpp"
#include "fencepost/sequencers.hpp"
#include "fencepost/sequencers/worker_loop.hpp"

namespace {

std::uint64_t allocation_count = 0;

}  // namespace

// Not inlined: where the compiler inlines one of a pair and not the other, it takes them for strangers.
[[gnu::noinline]] void* operator new(std::size_t size) {
  ++allocation_count;
  if (void* const memory = std::malloc(size)) return memory;
  throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace {

using Memory = fencepost::Coherent;
using Ring = fencepost::LapRing<Memory, fencepost::Batch>;

constexpr std::uint64_t client_count = 5, batch_count = 400;
constexpr std::uint64_t row_count = client_count * batch_count;

// Each client's batches by fours, backwards, so that three of four are parked.
fencepost::Batch batch_at(std::uint64_t row) {
  const std::uint64_t turn = row / client_count;
  return {row % client_count * 1024, turn / 4 * 4 + 3 - turn % 4, 1 + row % 3};
}

// Sends when the loop looks whether it should stop, so that one thread can run it. Every tenth batch is sent twice.
struct Observer {
  Ring& ring;
  std::uint64_t sent_count = 0, ordered_count = 0, dropped_count = 0;
  bool sends_again = false;

  void send_some() {
    while (sent_count < row_count && ring.has_room(1)) {
      ring.place(batch_at(sent_count));
      ring.raise();
      sends_again = !sends_again && sent_count % 10 == 0;
      sent_count += sends_again ? 0 : 1;
      if (sent_count == row_count) ring.close();
    }
  }
  bool stopped() {
    send_some();
    return false;
  }
  void ordered(const fencepost::Batch&, std::uint64_t, std::uint64_t, bool) { ++ordered_count; }
  void dropped(const fencepost::Batch&, std::uint64_t) { ++dropped_count; }
  void claim_lost() {}
  void before_attempt(std::uint64_t) {}
  void idle() {}
};

template <class Sequencer>
void report() {
  fencepost::Configuration configuration;
  configuration.client_capacity = client_count;
  configuration.parking_capacity = client_count * 4;
  Sequencer sequencer(configuration);
  Ring ring(8, 1);
  Ring::Reader reader(ring, 0);
  Observer surroundings{ring};
  fencepost::Quiescence<Memory> quiescence(1);
  std::uint64_t before = 0;
  if constexpr (fencepost::HasWorkers<Sequencer>) {
    std::vector<fencepost::RingView<Ring::Reader>> views{{0, reader}};
    fencepost::WorkerLoop loop(0, sequencer.worker(0), std::move(views), quiescence, surroundings,
                               fencepost::Pause<Memory>{}, true);
    before = allocation_count;
    loop.run();
  } else {
    fencepost::Scanner loop(0, sequencer, reader, configuration, quiescence, surroundings, fencepost::Pause<Memory>{},
                            true);
    before = allocation_count;
    loop.run();
  }
  std::printf("%s allocations=%llu ordered=%llu dropped=%llu\n", Sequencer::name.data(),
              static_cast<unsigned long long>(allocation_count - before),
              static_cast<unsigned long long>(surroundings.ordered_count),
              static_cast<unsigned long long>(surroundings.dropped_count));
}

}  // namespace

int main() {
  report<fencepost::Order5FetchAdd<Memory>>();
  report<fencepost::Order5Epoch<Memory>>();
  report<fencepost::Order4Mutex<Memory>>();
  report<fencepost::Order4ShardedMutex<Memory>>();
  report<fencepost::Order4Claim<Memory>>();
  report<fencepost::Order4Owner<Memory>>();
  report<fencepost::Order4Epoch<Memory>>();
}
