// The loop of a level-4 worker twice: through the templates (worker_loop.hpp, order4_owner.hpp, lap_ring.hpp) and their
// memory policy, and written out by hand on std::atomic. What is private to the thread (next_expected.hpp) knows of no
// policy and is in both. The test beside this counts the instructions that each executes.
#include "by_hand.hpp"

#include <atomic>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "fencepost/clients/client_ids.hpp"
#include "fencepost/clients/next_expected.hpp"
#include "fencepost/sequencers/order4_owner.hpp"
#include "fencepost/structures/poll.hpp"
#include "fencepost/structures/quiescence.hpp"
#include "fencepost/sequencers/worker_loop.hpp"

namespace {

using namespace by_hand;

using Owner = Order4Owner<Coherent>;
using OwnerLoop = WorkerLoop<Coherent, Owner::Worker, Ring::Reader, Told, Pause<Coherent>>;

struct HandOwner {
  const std::size_t worker_index, worker_count;
  HandLine& issued;
  NextExpected next_expected{configured()};  // private to its thread

  // As the template's: alone, the counter stays at hand for a run of batches; else each reserves for itself.
  template <class BatchAt, class OriginOf>
  [[gnu::always_inline]] std::size_t take_run(std::size_t count, BatchAt&& batch_at, OriginOf&& origin_of, Told& told) {
    const auto drop = [&](const Batch& batch, std::uint64_t origin) { told.dropped(batch, origin); };
    constexpr auto limit = static_cast<std::uint64_t>(INT64_MAX);
    const std::uint64_t most = (count + next_expected.parked_count()) * UINT32_MAX;
    if (worker_count == 1 && most <= limit && issued.word.load(std::memory_order_relaxed) <= limit - most) {
      std::uint64_t next = issued.word.load(std::memory_order_relaxed);
      const auto order = [&](const Batch& batch, std::uint64_t origin, bool was_parked) {
        told.ordered(batch, origin, std::exchange(next, next + batch.message_count), was_parked);
      };
      const std::size_t taken = next_expected.take_run(count, batch_at, origin_of, order, drop);
      issued.word.store(next, std::memory_order_relaxed);
      return taken;
    }
    for (std::size_t offset = 0; offset < count; ++offset) {
      const Batch batch = batch_at(offset);
      if (worker_count != 1 && owner_of(batch.client_id, worker_count) != worker_index) continue;
      const auto order = [&](const Batch& ordered, std::uint64_t origin, bool was_parked) {
        told.ordered(ordered, origin, reserve(ordered.message_count), was_parked);
      };
      if (next_expected.take<true>(batch, origin_of(offset), order, drop) == Taken::full) return offset;
    }
    return count;
  }

  std::uint64_t reserve(std::uint64_t message_count) {
    const std::uint64_t start = worker_count == 1 ? issued.word.load(std::memory_order_relaxed)
                                                  : issued.word.fetch_add(message_count, std::memory_order_relaxed);
    if (start > static_cast<std::uint64_t>(INT64_MAX) - message_count) [[unlikely]] {
      refuse_range(message_count);
    }
    if (worker_count == 1) issued.word.store(start + message_count, std::memory_order_relaxed);
    return start;
  }
};

struct HandWorker {
  const std::size_t ring_index;
  HandRing& ring;
  HandOwner& owner;
  Told& told;
  HandLine progress_total{}, settled{};
  std::uint64_t consumed_count = 0, progress_count = 0;
  std::size_t read_at = 0;
  bool is_held = false;

  Batch at(std::size_t offset) const {
    const std::size_t index = read_at + offset;
    return ring.slots[index >= ring.count ? index - ring.count : index].value;
  }
};

}  // namespace

extern "C" {

[[gnu::noipa]] void owner_by_template(OwnerLoop& loop) { loop.run(); }

[[gnu::noipa]] void owner_by_hand(HandWorker& worker) {
  while (!worker.told.stopped()) {
    std::size_t taken = 0;
    if (!worker.told.stopped()) {
      HandRing& ring = worker.ring;
      const std::uint64_t next = worker.consumed_count + 1;
      std::size_t count = 0;
      for (std::size_t at = worker.read_at; count < 64; ++count) {
        if (ring.slots[at].guard.load(std::memory_order_acquire) != next + count) break;
        at = at + 1 == ring.count ? 0 : at + 1;
      }
      const std::uint64_t first = worker.consumed_count;
      taken = worker.owner.take_run(
          count, [&](std::size_t offset) { return worker.at(offset); },
          [&](std::size_t offset) { return worker.ring_index << 56 | (first + offset); }, worker.told);
      if (taken > 0) {
        worker.consumed_count += taken;
        worker.read_at = (worker.read_at + taken) % worker.ring.count;
        worker.ring.consumed.word.store(worker.consumed_count, std::memory_order_release);
      }
      worker.is_held = taken < count;
    }
    worker.progress_count += taken;
    if (taken > 0) continue;
    if (worker.ring.final_count.word.load(std::memory_order_acquire) == worker.consumed_count) break;
    Coherent::pause();
  }
  worker.ring.is_abandoned.word.store(1, std::memory_order_relaxed);
  const std::uint64_t progress = std::exchange(worker.progress_count, 0);
  if (progress > 0) worker.progress_total.word.fetch_add(progress, std::memory_order_release);
  worker.settled.word.store(UINT64_MAX - 1, std::memory_order_release);
}

}  // extern "C"

int main(int argument_count, char** arguments) {
  const std::string loop = argument_count == 2 ? arguments[1] : "";
  std::vector<std::uint64_t> starts(slot_count);
  Told told(starts);
  if (loop == "owner_by_template") {
    Ring ring(slot_count, 1);
    fill(ring);
    Owner sequencer(configured());
    Quiescence<Coherent> quiescence(1);
    OwnerLoop worker(0, sequencer.worker(0), {{0, Ring::Reader(ring, 0)}}, quiescence, told, {}, false);
    owner_by_template(worker);
  } else if (loop == "owner_by_hand") {
    HandRing ring;
    fill(ring);
    HandLine issued;
    HandOwner owner{0, 1, issued};
    HandWorker worker{0, ring, owner, told};
    owner_by_hand(worker);
  } else {
    return 2;
  }
  print(starts);
}
