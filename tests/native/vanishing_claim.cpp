// The level-4 scanner twice: its loop through the templates (scanner.hpp, order4_claim.hpp, lap_ring.hpp) and their memory
// policy, and written out by hand on std::atomic. The test beside this counts the instructions that each executes.
#include "by_hand.hpp"

#include <atomic>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "fencepost/sequencers/order4_claim.hpp"
#include "fencepost/clients/parked_clients.hpp"
#include "fencepost/structures/poll.hpp"
#include "fencepost/structures/quiescence.hpp"
#include "fencepost/structures/scanner.hpp"

namespace {

using namespace by_hand;

using Claim = Order4Claim<Coherent>;
using ClaimScanner = Scanner<Coherent, Claim, Ring::Reader, Told, Pause<Coherent>>;

struct alignas(64) HandBucket {
  std::atomic<std::uint64_t> client_id{UINT64_MAX};
  std::atomic<std::uint64_t> word{0};
};

struct HandSequencer {
  HandSequencer() : buckets(std::make_unique<HandBucket[]>(bucket_count)) {}

  std::atomic<std::uint64_t>& word_of(std::uint64_t client_id) {
    std::uint64_t mixed = client_id + 0x9e3779b97f4a7c15U;
    mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9U;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebU;
    mixed ^= mixed >> 31;
    std::size_t at = static_cast<std::size_t>(((mixed >> 32) * bucket_count) >> 32);
    for (std::size_t probes = 0; probes < bucket_count; ++probes) {
      HandBucket& bucket = buckets[at];
      std::uint64_t owner = bucket.client_id.load(std::memory_order_relaxed);
      if (owner == UINT64_MAX &&
          bucket.client_id.compare_exchange_strong(owner, client_id, std::memory_order_relaxed)) {
        return bucket.word;
      }
      if (owner == client_id) return bucket.word;
      at = at + 1 == bucket_count ? 0 : at + 1;
    }
    refuse_client(client_id, bucket_count);
  }

  // Returns outcome and start, as the template's attempt does, in two registers.
  Attempt try_order(std::uint64_t client_id, std::uint64_t batch_seq, std::uint64_t message_count) {
    std::atomic<std::uint64_t>& word = word_of(client_id);
    const std::uint64_t idle = batch_seq << 1;
    std::uint64_t seen = word.load(std::memory_order_relaxed);
    if (seen != idle) return not_now(seen, batch_seq, (seen & 1) != 0);
    if (!word.compare_exchange_strong(seen, idle | 1, std::memory_order_acquire, std::memory_order_relaxed)) {
      return not_now(seen, batch_seq, true);
    }
    const std::uint64_t start = issued.word.fetch_add(message_count, std::memory_order_relaxed);
    if (start > static_cast<std::uint64_t>(INT64_MAX) - message_count) [[unlikely]] {
      if (start <= static_cast<std::uint64_t>(INT64_MAX)) sealed_at.store(start, std::memory_order_relaxed);
      issued.word.store(std::uint64_t{1} << 63, std::memory_order_relaxed);
      word.store(idle, std::memory_order_release);
      refuse_range(message_count);
    }
    word.store((batch_seq + 1) << 1, std::memory_order_release);
    return {AttemptOutcome::ordered, false, start};
  }

  static Attempt not_now(std::uint64_t seen, std::uint64_t batch_seq, bool claim_lost) {
    return {(seen >> 1) > batch_seq ? AttemptOutcome::duplicate : AttemptOutcome::later, claim_lost, seen};
  }

  const std::size_t bucket_count = 64;
  const std::unique_ptr<HandBucket[]> buckets;
  HandLine issued;
  std::atomic<std::uint64_t> sealed_at{0};
};

struct HandScanner {
  Batch at(std::size_t offset) const {
    const std::size_t index = read_at + offset;
    return ring.slots[index >= ring.count ? index - ring.count : index].value;
  }

  std::size_t readable_count() const {
    HandRing& read = ring;
    const std::uint64_t next = consumed_count + 1;
    std::size_t count = 0;
    for (std::size_t at = read_at; count < 64; ++count) {
      if (read.slots[at].guard.load(std::memory_order_acquire) != next + count) break;
      at = at + 1 == read.count ? 0 : at + 1;
    }
    return count;
  }

  bool read_some() {
    const std::size_t count = readable_count();
    std::size_t taken = 0;
    is_held = false;
    while (taken < count && !is_held && !told.stopped()) {
      is_held = !take(at(taken), scanner_index << 56 | (consumed_count + taken));
      taken += is_held ? 0 : 1;
    }
    if (taken > 0) {
      consumed_count += taken;
      read_at = (read_at + taken) % ring.count;
      ring.consumed.word.store(consumed_count, std::memory_order_release);
    }
    progress_count += taken;
    return taken > 0;
  }

  bool take(const Batch& batch, std::uint64_t origin) {
    const AttemptOutcome outcome = attempt(batch, origin, false);
    if (outcome == AttemptOutcome::duplicate) return true;
    if (outcome == AttemptOutcome::later) {
      const ParkOutcome parking = parked.try_park(batch, origin);
      if (parking == ParkOutcome::copy) told.dropped(batch, origin);
      return parking != ParkOutcome::full;
    }
    if (!parked.is_empty()) {
      parked.settle_client(
          batch.client_id,
          [&] { return sequencer.word_of(batch.client_id).load(std::memory_order_relaxed) >> 1; },
          [this](const Batch& waiting, std::uint64_t its_origin) { return settles(waiting, its_origin); });
    }
    return true;
  }

  AttemptOutcome attempt(const Batch& batch, std::uint64_t origin, bool was_parked) {
    const Attempt made = sequencer.try_order(batch.client_id, batch.batch_seq, batch.message_count);
    if (made.claim_lost) told.claim_lost();
    if (made.outcome == AttemptOutcome::ordered) told.ordered(batch, origin, made.start, was_parked);
    if (made.outcome == AttemptOutcome::duplicate) told.dropped(batch, origin);
    return made.outcome;
  }

  bool settles(const Batch& batch, std::uint64_t origin) {
    if (told.stopped() || attempt(batch, origin, true) == AttemptOutcome::later) return false;
    ++progress_count;
    return true;
  }

  bool settle_parked(bool all) {
    return parked.settle_waiting(
        all,
        [this](std::uint64_t client_id) {
          return sequencer.word_of(client_id).load(std::memory_order_relaxed) >> 1;
        },
        [this](const Batch& waiting, std::uint64_t origin) { return settles(waiting, origin); });
  }

  // Alone: nobody else can make any progress.
  bool has_settled() {
    const std::uint64_t progress = std::exchange(progress_count, 0);
    if (progress > 0) progress_total.word.fetch_add(progress, std::memory_order_release);
    return !settle_parked(true) && !(is_held && read_some());
  }

  const std::size_t scanner_index;
  HandRing& ring;  // as in the template, looked up where it is used
  HandSequencer& sequencer;
  Told& told;
  ParkedClients parked{configured()};  // private to its thread: no access of it goes through the policy
  HandLine progress_total{}, settled{};
  std::uint64_t consumed_count = 0, progress_count = 0;
  std::size_t read_at = 0;
  bool is_held = false;
};

}  // namespace

extern "C" {

[[gnu::noipa]] void claim_by_template(ClaimScanner& scanner) { scanner.run(); }

[[gnu::noipa]] void claim_by_hand(HandScanner& scanner) {
  while (!scanner.told.stopped()) {
    if (scanner.read_some()) {
      scanner.settle_parked(false);
      continue;
    }
    if (scanner.settle_parked(true)) continue;
    const bool is_finished =
        scanner.ring.final_count.word.load(std::memory_order_acquire) == scanner.consumed_count;
    if ((is_finished || scanner.is_held) && scanner.has_settled()) break;
    Coherent::pause();
  }
  scanner.ring.is_abandoned.word.store(1, std::memory_order_relaxed);
  scanner.settled.word.store(UINT64_MAX - 1, std::memory_order_release);
}

}  // extern "C"

int main(int argument_count, char** arguments) {
  const std::string loop = argument_count == 2 ? arguments[1] : "";
  std::vector<std::uint64_t> starts(slot_count);
  Told told(starts);
  if (loop == "claim_by_template") {
    Ring ring(slot_count, 1);
    fill(ring);
    Claim sequencer(configured());
    Quiescence<Coherent> quiescence(1);
    ClaimScanner scanner(0, sequencer, Ring::Reader(ring, 0), configured(), quiescence, told, {}, false);
    claim_by_template(scanner);
  } else if (loop == "claim_by_hand") {
    HandRing ring;
    fill(ring);
    HandSequencer sequencer;
    HandScanner scanner{0, ring, sequencer, told};
    claim_by_hand(scanner);
  } else {
    return 2;
  }
  print(starts);
}
