// The level-4 scanner twice: its loop through the templates (scanner.hpp, order4_claim.hpp, lap_ring.hpp) and their memory
// policy, and written out by hand on std::atomic. The test beside this counts the instructions that each executes.
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "fencepost/batch.hpp"
#include "fencepost/configuration.hpp"
#include "fencepost/lap_ring.hpp"
#include "fencepost/memory_coherent.hpp"
#include "fencepost/order4_claim.hpp"
#include "fencepost/parked_clients.hpp"
#include "fencepost/poll.hpp"
#include "fencepost/quiescence.hpp"
#include "fencepost/scanner.hpp"

namespace {

using namespace fencepost;

constexpr std::size_t slot_count = 4096;
constexpr std::uint64_t client_count = 7;

Batch batch_at(std::uint64_t index) { return {index % client_count, index / client_count, 1 + index % 5}; }

Configuration configured() {
  Configuration configuration;
  configuration.client_capacity = 64;
  configuration.parking_capacity = 64;
  return configuration;
}

// Told what happens; the starts are what the program prints.
class Told {
 public:
  explicit Told(std::vector<std::uint64_t>& starts) : starts_(starts) {}

  void ordered(const Batch&, std::uint64_t origin, std::uint64_t start, bool) noexcept { starts_[origin] = start; }
  void dropped(const Batch&, std::uint64_t) noexcept { ++dropped_count_; }
  void claim_lost() noexcept { ++claim_lost_count_; }
  bool stopped() const noexcept { return is_stopped_.load(std::memory_order_relaxed); }
  void before_attempt() noexcept {}
  void idle() noexcept {}

 private:
  std::vector<std::uint64_t>& starts_;
  std::uint64_t dropped_count_ = 0, claim_lost_count_ = 0;
  std::atomic<bool> is_stopped_{false};
};

using Ring = LapRing<Coherent, Batch>;
using Claim = Order4Claim<Coherent>;
using ClaimScanner = Scanner<Coherent, Claim, Ring::Reader, Told, Pause<Coherent>>;

}  // namespace

extern "C" {

[[gnu::noipa]] void order4_by_template(ClaimScanner& scanner) { scanner.run(); }

// What the templates' objects hold, as they hold it.
struct alignas(64) HandSlot {
  std::atomic<std::uint64_t> guard{0};
  Batch value;
};

struct alignas(64) HandBucket {
  std::atomic<std::uint64_t> client_id{UINT64_MAX};
  std::atomic<std::uint64_t> word{0};
};

struct alignas(64) HandLine {
  std::atomic<std::uint64_t> word{0};
};

struct HandRing {
  HandRing() : slots(std::make_unique<HandSlot[]>(slot_count)) { final_count.word = UINT64_MAX; }
  const std::size_t count = slot_count;
  const std::unique_ptr<HandSlot[]> slots;
  HandLine consumed, final_count, is_abandoned;
};

struct HandSequencer {
  HandSequencer() : buckets(std::make_unique<HandBucket[]>(bucket_count)) {}

  // Returns outcome and start, as the template's attempt does, in two registers.
  Attempt try_order(std::uint64_t client_id, std::uint64_t batch_seq, std::uint64_t message_count) {
    std::uint64_t mixed = client_id + 0x9e3779b97f4a7c15U;
    mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9U;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebU;
    mixed ^= mixed >> 31;
    std::size_t at = static_cast<std::size_t>(((mixed >> 32) * bucket_count) >> 32);
    std::atomic<std::uint64_t>* word = nullptr;
    for (std::size_t probes = 0; word == nullptr; ++probes) {
      if (probes == bucket_count) throw std::invalid_argument("no room for client " + std::to_string(client_id));
      std::uint64_t owner = buckets[at].client_id.load(std::memory_order_relaxed);
      const bool is_taken =
          owner == UINT64_MAX && buckets[at].client_id.compare_exchange_strong(owner, client_id, std::memory_order_relaxed);
      if (is_taken || owner == client_id) word = &buckets[at].word;
      at = at + 1 == bucket_count ? 0 : at + 1;
    }
    const std::uint64_t idle = batch_seq << 1;
    std::uint64_t seen = word->load(std::memory_order_relaxed);
    if (seen != idle) return not_now(seen, batch_seq, (seen & 1) != 0);
    if (!word->compare_exchange_strong(seen, idle | 1, std::memory_order_acquire, std::memory_order_relaxed)) {
      return not_now(seen, batch_seq, true);
    }
    const std::uint64_t start = issued.word.fetch_add(message_count, std::memory_order_relaxed);
    if (start > static_cast<std::uint64_t>(INT64_MAX) - message_count) [[unlikely]] {
      word->store(idle, std::memory_order_release);
      throw std::invalid_argument("no range of " + std::to_string(message_count));
    }
    word->store((batch_seq + 1) << 1, std::memory_order_release);
    return {AttemptOutcome::ordered, false, start};
  }

  static Attempt not_now(std::uint64_t seen, std::uint64_t batch_seq, bool claim_lost) {
    return {(seen >> 1) > batch_seq ? AttemptOutcome::duplicate : AttemptOutcome::later, claim_lost, seen};
  }

  const std::size_t bucket_count = 64;
  const std::unique_ptr<HandBucket[]> buckets;
  HandLine issued;
};

struct HandScanner {
  const std::size_t scanner_index;
  HandRing& ring;  // as in the template, looked up where it is used
  HandSequencer& sequencer;
  Told& told;
  ParkedClients parked{configured()};  // private to its thread: no access of it goes through the policy
  HandLine progress_total{}, settled{};
  std::uint64_t consumed_count = 0, progress_count = 0;
  std::size_t read_at = 0;
  bool is_held = false;

  const Batch& at(std::size_t offset) const {
    const std::size_t index = read_at + offset;
    return ring.slots[index >= ring.count ? index - ring.count : index].value;
  }
};

[[gnu::noipa]] void order4_by_hand(HandScanner& scanner) {
  while (!scanner.told.stopped()) {
    std::size_t count = 0;
    for (std::size_t at = scanner.read_at; count < 64; ++count) {
      if (scanner.ring.slots[at].guard.load(std::memory_order_acquire) != scanner.consumed_count + count + 1) break;
      at = at + 1 == scanner.ring.count ? 0 : at + 1;
    }
    std::size_t taken = 0;
    bool is_held = false;
    while (taken < count && !is_held && !scanner.told.stopped()) {
      const Batch batch = scanner.at(taken);
      const std::uint64_t origin = scanner.scanner_index << 56 | (scanner.consumed_count + taken);
      const Attempt made = scanner.sequencer.try_order(batch.client_id, batch.batch_seq, batch.message_count);
      if (made.claim_lost) scanner.told.claim_lost();
      if (made.outcome == AttemptOutcome::ordered) {
        scanner.told.ordered(batch, origin, made.start, false);
        if (!scanner.parked.is_empty()) throw std::logic_error("nothing is parked in this program");
      } else if (made.outcome == AttemptOutcome::duplicate) {
        scanner.told.dropped(batch, origin);
      } else {
        is_held = scanner.parked.try_park(batch, origin) == ParkOutcome::full;
      }
      taken += is_held ? 0 : 1;
    }
    scanner.is_held = is_held;
    if (taken > 0) {
      scanner.consumed_count += taken;
      scanner.read_at = (scanner.read_at + taken) % scanner.ring.count;
      scanner.ring.consumed.word.store(scanner.consumed_count, std::memory_order_release);
    }
    scanner.progress_count += taken;
    if (taken > 0) {
      if (!scanner.parked.is_empty()) throw std::logic_error("nothing is parked in this program");
      continue;
    }
    if (scanner.ring.final_count.word.load(std::memory_order_acquire) == scanner.consumed_count) {
      const std::uint64_t progress = std::exchange(scanner.progress_count, 0);
      if (progress > 0) scanner.progress_total.word.fetch_add(progress, std::memory_order_release);
      break;
    }
    Coherent::pause();
  }
  scanner.ring.is_abandoned.word.store(1, std::memory_order_relaxed);
  scanner.settled.word.store(UINT64_MAX - 1, std::memory_order_release);
}

}  // extern "C"

int main(int argument_count, char** arguments) {
  if (argument_count != 2) return 2;
  std::vector<std::uint64_t> starts(slot_count);
  Told told(starts);
  if (std::strcmp(arguments[1], "order4_by_template") == 0) {
    Ring ring(slot_count, 1);
    for (std::uint64_t index = 0; index < slot_count && ring.has_room(1); ++index) {
      ring.place(batch_at(index));
      ring.raise();
    }
    ring.close();
    Claim sequencer(configured());
    Quiescence<Coherent> quiescence(1);
    ClaimScanner scanner(0, sequencer, Ring::Reader(ring, 0), configured(), quiescence, told, {}, false);
    order4_by_template(scanner);
  } else if (std::strcmp(arguments[1], "order4_by_hand") == 0) {
    HandRing ring;
    for (std::uint64_t index = 0; index < slot_count; ++index) {
      ring.slots[index].value = batch_at(index);
      ring.slots[index].guard = index + 1;
    }
    ring.final_count.word = slot_count;
    HandSequencer sequencer;
    HandScanner scanner{0, ring, sequencer, told};
    order4_by_hand(scanner);
  } else {
    return 2;
  }
  std::uint64_t check = 0;
  for (const std::uint64_t start : starts) check = check * 31 + start;
  std::printf("%llu\n", static_cast<unsigned long long>(check));
}
