// A memory policy that writes down what an algorithm does to memory, for the model to judge.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <type_traits>
#include <vector>

#include "fencepost/memory/coherent.hpp"

namespace fencepost {

struct RecordedAccess {
  enum class Kind : std::uint8_t { store, load, write_back, invalidate, fence, full_fence };
  Kind kind;
  std::uintptr_t address = 0;  // 0 for fences
};

// Coherent, with a record of every store, load and cache-line operation of this thread. A Plain of several words is
// several accesses, as no wider one is atomic.
struct Recorded : Coherent {
  static std::vector<RecordedAccess>& record() {
    thread_local std::vector<RecordedAccess> accesses;
    return accesses;
  }

  template <class T>
  static T load_relaxed(const Word<T>& word) {
    note(RecordedAccess::Kind::load, &word, sizeof(T));
    return Coherent::load_relaxed(word);
  }
  template <class T>
  static T load_acquire(const Word<T>& word) {
    note(RecordedAccess::Kind::load, &word, sizeof(T));
    return Coherent::load_acquire(word);
  }
  template <class T>
  static void store_relaxed(Word<T>& word, std::type_identity_t<T> value) {
    note(RecordedAccess::Kind::store, &word, sizeof(T));
    Coherent::store_relaxed(word, value);
  }
  template <class T>
  static void store_release(Word<T>& word, std::type_identity_t<T> value) {
    note(RecordedAccess::Kind::store, &word, sizeof(T));
    Coherent::store_release(word, value);
  }
  // Written down as the store that it may be.
  template <class T>
  static bool compare_exchange_relaxed(Word<T>& word, T& expected, std::type_identity_t<T> desired) {
    note(RecordedAccess::Kind::store, &word, sizeof(T));
    return Coherent::compare_exchange_relaxed(word, expected, desired);
  }
  template <class T>
  static T read(const Plain<T>& plain) {
    note(RecordedAccess::Kind::load, &plain, sizeof(T));
    return Coherent::read(plain);
  }
  template <class T>
  static void write(Plain<T>& plain, const std::type_identity_t<T>& value) {
    note(RecordedAccess::Kind::store, &plain, sizeof(T));
    Coherent::write(plain, value);
  }

  static void write_back(const void* address) { note(RecordedAccess::Kind::write_back, address, 1); }
  static void invalidate(const void* address) { note(RecordedAccess::Kind::invalidate, address, 1); }
  static void fence() { record().push_back({RecordedAccess::Kind::fence}); }
  static void full_fence() { record().push_back({RecordedAccess::Kind::full_fence}); }

 private:
  static constexpr std::size_t word_size = 8;

  static void note(RecordedAccess::Kind kind, const void* address, std::size_t size) {
    const auto first = reinterpret_cast<std::uintptr_t>(address);
    for (std::size_t offset = 0; offset < size; offset += word_size) record().push_back({kind, first + offset});
  }
};

}  // namespace fencepost
