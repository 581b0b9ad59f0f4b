// Each loop twice: through the templates and their memory policy, and written out by hand on std::atomic. The test beside
// this counts the instructions that each executes.
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <stdexcept>
#include <string>
#include <vector>

#include "fencepost/sequencers/configuration.hpp"
#include "fencepost/structures/lap_ring.hpp"
#include "fencepost/memory/coherent.hpp"
#include "fencepost/sequencers/order5_fetch_add.hpp"
#include "fencepost/structures/publication.hpp"

namespace {

constexpr std::size_t header_count = 4096;
constexpr std::size_t slot_count = 64;

struct alignas(64) Header {
  std::uint64_t client_id, batch_seq, message_count, start;
};

std::vector<Header> made_headers() {
  std::vector<Header> headers(header_count);
  for (std::size_t index = 0; index < header_count; ++index) headers[index] = {index % 7, index, 1 + index % 5, 0};
  return headers;
}

}  // namespace

extern "C" {

[[gnu::noinline]] void order5_by_template(fencepost::Order5FetchAdd<fencepost::Coherent>& sequencer, Header* headers) {
  for (std::size_t index = 0; index < header_count; ++index) {
    Header& header = headers[index];
    header.start = sequencer.try_order(header.client_id, header.batch_seq, header.message_count).start;
  }
}

[[gnu::noinline]] void order5_by_hand(std::atomic<std::uint64_t>& issued, Header* headers) {
  constexpr std::uint64_t limit = INT64_MAX;
  for (std::size_t index = 0; index < header_count; ++index) {
    Header& header = headers[index];
    const std::uint64_t message_count = header.message_count;
    const std::uint64_t start = issued.fetch_add(message_count, std::memory_order_relaxed);
    if (start > limit - message_count) [[unlikely]] {
      throw std::invalid_argument("no room for " + std::to_string(message_count));
    }
    header.start = start;
  }
}

[[gnu::noinline]] void publish_by_template(fencepost::LapRing<fencepost::Coherent, std::uint64_t>& ring) {
  fencepost::SingleFence<fencepost::Coherent> policy;
  fencepost::LapRing<fencepost::Coherent, std::uint64_t>::Writer writer(ring);
  for (std::uint64_t value = 0; value < slot_count && writer.has_room(1); ++value) {
    policy.publish(writer, value, {}, value);
  }
}

struct alignas(64) HandSlot {
  std::atomic<std::uint64_t> guard{0};
  std::uint64_t value = 0;
};

struct HandRing {
  HandRing() : slots(slot_count) {}
  std::size_t count = slot_count;
  std::vector<HandSlot> slots;
  std::atomic<std::uint64_t> consumed{0};
  std::uint64_t placed = 0, raised = 0, consumed_seen = 0;
  std::size_t place_at = 0, raise_at = 0;
};

[[gnu::noinline]] void publish_by_hand(HandRing& ring) {
  for (std::uint64_t value = 0; value < slot_count; ++value) {
    if (ring.placed + 1 - ring.consumed_seen > ring.count) {
      ring.consumed_seen = ring.consumed.load(std::memory_order_acquire);
      if (ring.placed + 1 - ring.consumed_seen > ring.count) break;
    }
    ring.slots[ring.place_at].value = value;
    ++ring.placed;
    ring.place_at = ring.place_at + 1 == ring.count ? 0 : ring.place_at + 1;
    ring.slots[ring.raise_at].guard.store(++ring.raised, std::memory_order_release);
    ring.raise_at = ring.raise_at + 1 == ring.count ? 0 : ring.raise_at + 1;
  }
}

}  // extern "C"

int main(int argument_count, char** arguments) {
  if (argument_count != 2) return 2;
  const auto asked = [&](const char* name) { return std::strcmp(arguments[1], name) == 0; };
  std::vector<Header> headers = made_headers();
  std::uint64_t check = 0;
  if (asked("order5_by_template")) {
    fencepost::Order5FetchAdd<fencepost::Coherent> sequencer{fencepost::Configuration{}};
    order5_by_template(sequencer, headers.data());
  } else if (asked("order5_by_hand")) {
    alignas(64) std::atomic<std::uint64_t> issued{0};
    order5_by_hand(issued, headers.data());
  } else if (asked("publish_by_template")) {
    fencepost::LapRing<fencepost::Coherent, std::uint64_t> ring(slot_count, 1);
    publish_by_template(ring);
    fencepost::LapRing<fencepost::Coherent, std::uint64_t>::Reader reader(ring, 0);
    check = reader.readable_count(slot_count);
  } else if (asked("publish_by_hand")) {
    HandRing ring;
    publish_by_hand(ring);
    check = ring.raised;
  } else {
    return 2;
  }
  for (const Header& each : headers) check += each.start;
  std::printf("%llu\n", static_cast<unsigned long long>(check));
}
