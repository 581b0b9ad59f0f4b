// The shared structures, each in a small program of two or three threads on the stepped memory: the counterparts of
// model/programs/structures/. What runs are the templates of production; a fault is a variant of what is around them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "fencepost/structures/ack_frontier.hpp"
#include "fencepost/clients/client_table.hpp"
#include "fencepost/structures/export_chain.hpp"
#include "fencepost/structures/lap_ring.hpp"
#include "fencepost/structures/limits.hpp"
#include "fencepost/memory/stepped_layout.hpp"
#include "fencepost/structures/slot_id.hpp"
#include "fencepost/structures/publication.hpp"
#include "fencepost/stepped/system.hpp"

namespace fencepost::stepped {

// One thread of a program; `Shared` is the structure, `Body` what the thread does with its copy of it.
template <class Shared>
class ThreadWith final : public StructureThread {
 public:
  using Make = std::function<void(std::optional<Shared>&)>;
  using Body = std::function<void(StructureThread&, Shared&)>;

  ThreadWith(Make make, Body body) : make_(std::move(make)), body_(std::move(body)) {}

 private:
  void make() override { make_(shared_); }
  void run() override { body_(*this, *shared_); }

  const Make make_;
  const Body body_;
  std::optional<Shared> shared_;
};

// Numbers that say which program it is, read one by one. Throws Refused where one is missing or does not fit.
class Numbers {
 public:
  explicit Numbers(std::span<const std::int64_t> given) : given_(given) {}

  std::size_t next(std::string_view name, std::int64_t least, std::int64_t most) {
    if (at_ == given_.size()) throw Refused("the program of a structure lacks " + std::string(name));
    return static_cast<std::size_t>(checked(name, given_[at_++], least, most));
  }
  bool is_empty() const { return at_ == given_.size(); }

 private:
  std::span<const std::int64_t> given_;
  std::size_t at_ = 0;
};

// --- rings and publication ---

// UNSOUND: the guard is raised in front of the fence behind what it vouches for. publication.hpp has the sound forms.
template <class Memory>
struct GuardBeforeFence {
  template <class Ring, class Value>
  void publish(Ring& ring, const Value& value, const MessageHeaders<Memory>& messages, std::uint64_t start) noexcept {
    for (std::size_t index = 0; index < messages.count(); ++index) {
      messages.assign(index, start);
      Memory::write_back(messages.line(index));
    }
    ring.place(value);
    Memory::write_back(ring.placed_line());
    const void* guard_line = ring.raise_line();
    ring.raise();
    Memory::write_back(guard_line);
    Memory::fence();
  }
  template <class Ring>
  void finish(Ring&) noexcept {}
};

enum class RingFault : std::uint8_t { none, room_not_asked, given_back_first };

struct RingSizes {
  std::size_t slot_count = 1;
  std::size_t value_count = 1;
  std::size_t reader_count = 1;
  std::size_t message_count = 0;  // of each value
  RingFault fault = RingFault::none;
};

// A ring, the headers of what its values stand for, and the policy that publishes there.
template <class Policy>
struct PublishedRing {
  using Ring = LapRing<SteppedStructures, std::uint64_t>;
  static constexpr std::uint64_t first_position = 7;

  template <class... Arguments>
  explicit PublishedRing(const RingSizes& sizes, Arguments... arguments)
      : given(sizes),
        ring(sizes.slot_count, sizes.reader_count),
        headers(std::make_unique<MessageHeader<SteppedStructures>[]>(sizes.value_count * sizes.message_count)),
        policy(arguments...) {}

  MessageHeaders<SteppedStructures> messages(std::size_t value) const {
    auto* const first = reinterpret_cast<std::byte*>(headers.get() + value * given.message_count);
    return {first, sizeof(MessageHeader<SteppedStructures>), given.message_count};
  }

  void write() {
    typename Ring::Writer writer(ring);
    for (std::size_t value = 0; value < given.value_count; ++value) {
      if (given.fault != RingFault::room_not_asked && !writer.has_room(1)) {
        policy.finish(writer);
        while (!writer.has_room(1)) SteppedStructures::pause();
      }
      policy.publish(writer, std::uint64_t{value + 1}, messages(value), first_position + value * given.message_count);
    }
    policy.finish(writer);
    writer.close();
  }

  void read(StructureThread& thread, std::size_t reader_index) {
    typename Ring::Reader reader(ring, reader_index);
    while (true) {
      if (reader.readable_count(1) == 0) {
        if (reader.is_finished()) return;
        SteppedStructures::pause();
        continue;
      }
      const auto value = static_cast<std::size_t>(reader.consumed_count());
      if (given.fault == RingFault::given_back_first) reader.consume(1);
      thread.give(reader.at(given.fault == RingFault::given_back_first ? given.slot_count - 1 : 0));
      look_at_messages(thread, value);
      if (given.fault != RingFault::given_back_first) reader.consume(1);
    }
  }

  // As a subscriber does: what is already here of a line may be older than what the guard vouches for.
  void look_at_messages(StructureThread& thread, std::size_t value) const {
    for (std::size_t index = 0; index < given.message_count; ++index) {
      auto& header = headers[value * given.message_count + index];
      SteppedStructures::invalidate(&header);
      SteppedStructures::full_fence();
      thread.give(SteppedStructures::read(header.position));
    }
  }

  const RingSizes given;
  Ring ring;
  std::unique_ptr<MessageHeader<SteppedStructures>[]> headers;
  Policy policy;
};

// --- the client table ---

// UNSOUND: a word is replaced by a load and then a store.
struct WithoutExchange : SteppedStructures {
  template <class T>
  static bool compare_exchange_relaxed(Word<T>& word, T& expected, std::type_identity_t<T> desired) {
    const T found = load_relaxed(word);
    if (found == expected) store_relaxed(word, desired);
    return found == std::exchange(expected, found);
  }
};

// Looks clients up and counts in the word of each.
template <class Memory>
void look_up(StructureThread& thread, ClientTable<Memory>& table, const std::vector<std::uint64_t>& clients) {
  for (const std::uint64_t client : clients) {
    try {
      auto& word = table.word_of(client);
      thread.give(Value{SteppedStructures::line_of(word)});
      thread.give(SteppedStructures::fetch_add_relaxed(word, 1));
    } catch (const Refused&) {
      return thread.give(Value{-1});
    }
  }
}

// --- chains and frontiers ---

inline ExportRecord record_of(std::uint64_t client, std::uint64_t seq, std::uint64_t start, std::uint64_t index) {
  return {client, seq, start, 1, SlotId::of(0, index)};
}

inline void follow_chain(StructureThread& thread, ExportChain<SteppedStructures>& chain, std::size_t reader_index) {
  ExportChain<SteppedStructures>::Ring::Reader reader(chain.ring(), reader_index);
  while (true) {
    if (reader.readable_count(1) == 0) {
      if (reader.is_finished()) return;
      SteppedStructures::pause();
      continue;
    }
    const ExportRecord record = reader.at(0);
    for (const std::uint64_t each : {record.client_id, record.batch_seq, record.start, record.message_count, record.origin}) {
      thread.give(each);
    }
    reader.consume(1);
  }
}

// Batches 0 and 1 of a client, each in a chain of its own, and the frontier that follows both.
struct AckedChains {
  static constexpr std::uint64_t client = 1;
  using Reader = ExportChain<SteppedStructures>::Ring::Reader;

  AckedChains(Publication publication, bool is_per_client)
      : first(1, 2, publication, 2), second(1, 2, publication, 2), frontier(1, is_per_client), key(is_per_client ? client : 0) {}

  void export_both() {
    for (const std::uint64_t seq : {1U, 0U}) {
      ExportChain<SteppedStructures>& chain = seq == 0 ? first : second;
      chain.export_blocking(record_of(client, seq, seq, seq));
      chain.finish();
    }
  }

  void acknowledge() {
    std::array<Reader, 2> chains{Reader(first.ring(), 0), Reader(second.ring(), 0)};
    for (std::size_t taken = 0; taken < chains.size();) {
      const std::size_t count = frontier.advance<SteppedStructures>(std::span<Reader>(chains));
      taken += count;
      if (count == 0) SteppedStructures::pause();
    }
  }

  // Waits for an acknowledgement, then looks which records can be read.
  void ask(StructureThread& thread) {
    std::uint64_t acked_count = 0;
    while ((acked_count = frontier.acked_count<SteppedStructures>(key)) == 0) SteppedStructures::pause();
    thread.give(acked_count);
    for (ExportChain<SteppedStructures>* const each : {&first, &second}) {
      thread.give(std::uint64_t{Reader(each->ring(), 1).readable_count(1)});
    }
  }

  ExportChain<SteppedStructures> first;
  ExportChain<SteppedStructures> second;
  AckFrontierIn<SteppedStructures> frontier;
  const std::uint64_t key;
};

}  // namespace fencepost::stepped
