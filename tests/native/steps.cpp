// How many shared accesses one attempt makes, counted while two threads are at it. Prints, for each sequencer, the most
// and the fewest accesses of an attempt that ordered, and of any attempt.
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <thread>

#include "fencepost/sequencers/configuration.hpp"
#include "fencepost/memory/coherent.hpp"
#include "fencepost/sequencers/order4_claim.hpp"
#include "fencepost/sequencers/order5_fetch_add.hpp"

namespace {

thread_local std::uint64_t access_count = 0;

struct Counting : fencepost::Coherent {
  template <class T>
  static T load_relaxed(const Word<T>& word) noexcept {
    ++access_count;
    return Coherent::load_relaxed(word);
  }
  template <class T>
  static void store_release(Word<T>& word, std::type_identity_t<T> value) noexcept {
    ++access_count;
    Coherent::store_release(word, value);
  }
  template <class T>
  static T fetch_add_relaxed(Word<T>& word, std::type_identity_t<T> addend) noexcept {
    ++access_count;
    return Coherent::fetch_add_relaxed(word, addend);
  }
  template <class T>
  static bool compare_exchange_relaxed(Word<T>& word, T& expected, std::type_identity_t<T> desired) noexcept {
    ++access_count;
    return Coherent::compare_exchange_relaxed(word, expected, desired);
  }
  template <class T>
  static bool compare_exchange_acquire(Word<T>& word, T& expected, std::type_identity_t<T> desired) noexcept {
    ++access_count;
    return Coherent::compare_exchange_acquire(word, expected, desired);
  }
};

struct Steps {
  std::uint64_t fewest = UINT64_MAX, most = 0, ordered_count = 0;

  void note(std::uint64_t count) {
    fewest = std::min(fewest, count);
    most = std::max(most, count);
  }
};

// Both threads send the same batches of one client, so they meet all the time.
template <class Sequencer>
void attempt_many(Sequencer& sequencer, Steps& steps) {
  sequencer.try_order(1, UINT64_C(1) << 40, 1);  // the client has its bucket from here on
  for (std::uint64_t batch_seq = 0; batch_seq < 100'000;) {
    access_count = 0;
    const fencepost::Attempt made = sequencer.try_order(1, batch_seq, 1);
    steps.note(access_count);
    steps.ordered_count += made.outcome == fencepost::AttemptOutcome::ordered ? 1U : 0U;
    batch_seq += made.outcome == fencepost::AttemptOutcome::later ? 0 : 1;
  }
}

template <class Sequencer>
void report() {
  fencepost::Configuration configuration;
  configuration.client_capacity = 4;
  Sequencer sequencer(configuration);
  std::array<Steps, 2> steps;
  {
    std::jthread one([&] { attempt_many(sequencer, steps[0]); });
    std::jthread other([&] { attempt_many(sequencer, steps[1]); });
  }
  std::printf("%s fewest=%llu most=%llu ordered=%llu\n", Sequencer::name.data(),
              static_cast<unsigned long long>(std::min(steps[0].fewest, steps[1].fewest)),
              static_cast<unsigned long long>(std::max(steps[0].most, steps[1].most)),
              static_cast<unsigned long long>(steps[0].ordered_count + steps[1].ordered_count));
}

}  // namespace

int main() {
  report<fencepost::Order5FetchAdd<Counting>>();
  report<fencepost::Order4Claim<Counting>>();
}
