// The pipeline's receiver and its scanner of level 5 twice: through the templates and their memory policy, and
// written out by hand on atomics. The test beside this counts the instructions that each executes.
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "fencepost/race/thread_group.hpp"
#include "fencepost/memory/coherent.hpp"
#include "fencepost/memory/pooled.hpp"
#include "fencepost/pipeline/layout.hpp"
#include "fencepost/pipeline/receiver.hpp"
#include "fencepost/pipeline/scanners/order5.hpp"

namespace {

using namespace fencepost;
using namespace fencepost::pipeline;
using Memory = PooledMemory<Coherent>;

// Not a constant: nothing is to be computed when this is compiled.
const volatile std::uint32_t slots_given = 4096;
const Layout layout{1, slots_given, 8};
constexpr Value batch_count = 4096;

std::vector<Arriving> made_batches() {
  std::vector<Arriving> batches;
  for (Value index = 0; index < batch_count; ++index) batches.push_back({{index % 8, index / 8, 1 + index % 5}, 0});
  return batches;
}

// What the threads share, and a run that is to end as soon as nothing is left to do.
struct Observer {
  std::vector<PooledLine> pool{layout.line_count()};
  Network network{layout.channel_count()};
  StopFlag stop;
  Memory memory{pool, network, stop, 0};
  Configuration configuration;

  Observer() {
    stop.set();
    configuration.client_capacity = 64;
  }
  void fill() { Receiver<Memory>(memory, layout, 0, 0).run(made_batches()); }
};

}  // namespace

extern "C" {

[[gnu::noipa]] void scan_by_template(ScannerOrder5<Memory>& scanner) { scanner.run(); }

// What the template's objects hold, as they hold it.
struct HandGate {
  LineIndex line;
  std::uint32_t word;
  Value seen;
};

struct HandMemory {
  std::span<PooledLine> pool;
  const StopFlag& stop;

  std::atomic_ref<Value> word(LineIndex line, std::uint32_t word) const {
    return std::atomic_ref<Value>(pool[line].words[word]);
  }

  std::optional<Value> changed(const HandGate& gate) const {
    for (SpinThenYield<Coherent> poll;; poll.wait()) {
      const Value value = word(gate.line, gate.word).load(std::memory_order_acquire);
      if (value != gate.seen) return value;
      if (stop.is_set()) return std::nullopt;
    }
  }
};

struct HandScanner {
  HandMemory& memory;
  const Layout& where;
  const std::uint32_t ring = 0;
  const bool delegated = false;
  Value released_count = 0, written_count = 0, looked_index = -1, looked = 0;
  const std::shared_ptr<std::atomic<std::uint64_t>> issued = std::make_shared<std::atomic<std::uint64_t>>(0);
  std::vector<Value> ordered_counts = std::vector<Value>(layout.client_count);

  HandGate header_gate(Value index) const {
    const Value lap_before = index - static_cast<Value>(where.slots);
    const Value before = lap_before >= 0 ? full_index(lap_before) : 0;
    return {where.header(ring, index), guard_word, looked_index == index ? looked : before};
  }
};

[[gnu::noipa]] void scan_by_hand(HandScanner& scanner) {
  constexpr std::uint64_t limit = INT64_MAX;
  for (Value index = 0;; ++index) {
    while (true) {
      HandGate gate{scanner.where.written(scanner.ring), 0, scanner.written_count};
      if (!scanner.delegated) {
        gate = scanner.header_gate(index);
      } else if (scanner.written_count > index) {
        break;
      }
      const std::optional<Value> found = scanner.memory.changed(gate);
      if (!found) return;
      if (!scanner.delegated) {
        scanner.looked_index = index;
        scanner.looked = *found;
        if (*found == full_index(index)) break;
      } else {
        scanner.written_count = *found;
        if (*found > index) break;
      }
    }
    const LineIndex header = scanner.where.header(scanner.ring, index);
    if (scanner.delegated && !scanner.memory.changed(scanner.header_gate(index))) return;
    Value packed = scanner.memory.word(header, batch_word).load(std::memory_order_acquire);
    while (unpack_batch(packed).count < 1) {
      const std::optional<Value> found = scanner.memory.changed({header, batch_word, packed});
      if (!found) return;
      packed = *found;
    }
    const pipeline::Batch batch = unpack_batch(packed);
    const auto count = static_cast<std::uint64_t>(batch.count);
    const std::uint64_t start = scanner.issued->fetch_add(count, std::memory_order_relaxed);
    if (start > limit - count) [[unlikely]] throw std::invalid_argument("no room for " + std::to_string(count));
    const Value below = ++scanner.ordered_counts[static_cast<std::size_t>(batch.client)];
    const LineIndex chain = scanner.where.chain(scanner.ring, scanner.released_count);
    ++scanner.released_count;
    scanner.memory.word(chain, entry_word)
        .store(pack(ChainEntry{index, static_cast<Value>(start), deliver_entry}), std::memory_order_release);
    scanner.memory.word(chain, guard_word).store(scanner.released_count, std::memory_order_release);
    scanner.memory.word(scanner.where.acked(scanner.ring, batch.client), 0).store(below, std::memory_order_release);
  }
}

[[gnu::noipa]] void receive_by_template(Receiver<Memory>& receiver, const std::vector<Arriving>& batches) {
  receiver.run(batches);
}

struct HandReceiver {
  HandMemory& memory;
  const Layout& where;
  const std::uint32_t ring = 0;
  Value index = 0, freed_count = 0;
};

[[gnu::noipa]] void receive_by_hand(HandReceiver& receiver, const std::vector<Arriving>& batches) {
  for (const Arriving& each : batches) {
    const pipeline::Batch& batch = each.batch;
    if (batch.count < 1) continue;
    while (receiver.freed_count < receiver.index - static_cast<Value>(receiver.where.slots) + 1) {
      const std::optional<Value> found =
          receiver.memory.changed({receiver.where.consumed(receiver.ring), 0, receiver.freed_count});
      if (!found) return;
      receiver.freed_count = *found;
    }
    const LineIndex payload = receiver.where.payload(receiver.ring, receiver.index);
    receiver.memory.word(payload, 0).store(pack(pipeline::Batch{batch.client, batch.seq, 0}), std::memory_order_release);
    const LineIndex header = receiver.where.header(receiver.ring, receiver.index);
    receiver.memory.word(header, batch_word).store(pack(batch), std::memory_order_release);
    receiver.memory.word(header, guard_word).store(full_index(receiver.index), std::memory_order_release);
    ++receiver.index;
  }
}

}  // extern "C"

int main(int argument_count, char** arguments) {
  if (argument_count != 2) return 2;
  const auto asked = [&](const char* name) { return std::strcmp(arguments[1], name) == 0; };
  const std::vector<Arriving> batches = made_batches();
  Observer around;
  if (asked("receive_by_template")) {
    Receiver<Memory> receiver(around.memory, layout, 0, 0);
    receive_by_template(receiver, batches);
  } else if (asked("receive_by_hand")) {
    HandMemory memory{around.pool, around.stop};
    HandReceiver receiver{memory, layout};
    receive_by_hand(receiver, batches);
  } else if (asked("scan_by_template")) {
    around.fill();
    ScannerOrder5<Memory> scanner(around.memory, layout, 0, false,
                                  std::make_shared<Order5FetchAdd<Coherent>>(around.configuration));
    scan_by_template(scanner);
  } else if (asked("scan_by_hand")) {
    around.fill();
    HandMemory memory{around.pool, around.stop};
    HandScanner scanner{memory, layout};
    scan_by_hand(scanner);
  } else {
    return 2;
  }
  Value check = 0;
  for (const PooledLine& each : around.pool) {
    for (const Value word : each.words) check = check * 31 + word;
  }
  std::printf("%lld\n", static_cast<long long>(check));
}
