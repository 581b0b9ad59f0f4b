// A ring whose guard is stored relaxed: the value races with its reader, and ThreadSanitizer has to say so.
#include <cstdint>
#include <thread>

#include "fencepost/structures/lap_ring.hpp"
#include "fencepost/memory/coherent.hpp"

namespace {

struct Careless : fencepost::Coherent {
  template <class T>
  static void store_release(Word<T>& word, std::type_identity_t<T> value) noexcept {
    store_relaxed(word, value);
  }
};

}  // namespace

int main() {
  constexpr std::uint64_t value_count = 10'000;
  fencepost::LapRing<Careless, std::uint64_t> ring(4, 1);
  std::thread writer([&ring] {
    for (std::uint64_t value = 0; value < value_count; ++value) {
      while (!ring.has_room(1)) std::this_thread::yield();
      ring.place(value);
      ring.raise();
    }
  });
  fencepost::LapRing<Careless, std::uint64_t>::Reader reader(ring, 0);
  std::uint64_t sum = 0;
  while (reader.consumed_count() < value_count) {
    if (reader.readable_count(1) == 0) {
      std::this_thread::yield();
      continue;
    }
    sum += reader.at(0);
    reader.consume(1);
  }
  writer.join();
  return sum == value_count * (value_count - 1) / 2 ? 0 : 1;
}
