// What the accesses of the sequencers are to their specs, and where their words lie in the stepped memory. Beside the
// sequencers and not in them: a production build knows nothing of either.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <vector>

#include "fencepost/sequencers/configuration.hpp"
#include "fencepost/memory/stepped.hpp"
#include "fencepost/sequencers/order4_claim.hpp"
#include "fencepost/sequencers/order4_mutex.hpp"
#include "fencepost/sequencers/order4_sharded_mutex.hpp"
#include "fencepost/sequencers/order5_fetch_add.hpp"
#include "fencepost/pipeline/cas_then_reserve.hpp"
#include "fencepost/pipeline/reserve_before_claim.hpp"
#include "fencepost/pipeline/scanners/owner.hpp"

namespace fencepost::stepped {

// What most have in common: ranges are reserved by a fetch_add, and the batch has its range from there on.
class CountingTeller : public Teller {
 public:
  CountingTeller(const pipeline::Layout& layout, std::uint32_t ring, const pipeline::Slot& slot)
      : layout_(layout), ring_(ring), slot_(slot) {}

  Label label(Kind kind, Word word) override {
    return kind == Kind::fetch_add && word == layout_.issued() ? always(Action::reserve, ring_) : Label{};
  }
  std::optional<Value> assigned(Kind kind, Word word, Value result) override {
    return kind == Kind::fetch_add && word == layout_.issued() ? std::optional(result) : std::nullopt;
  }

 protected:
  template <class... Arguments>
  static Label always(Action action, Arguments... arguments) {
    return {Label::Rule::always, pipeline::step(action, arguments...), 0, nullptr};
  }

  // A look at a client's word: it may show a duplicate, or that the batch is early. `next_seq` and `is_busy` read it.
  Label look(pipeline::ComputeStep compute) const {
    return {Label::Rule::computed,
            pipeline::step(Action::none, ring_, slot_.index, slot_.batch.seq, slot_.is_parked ? 1 : 0), 0, compute};
  }
  static Step looked(const Step& given, Value next_seq, bool is_busy) {
    const Value ring = given.arguments[0], index = given.arguments[1], seq = given.arguments[2];
    if (next_seq > seq) return pipeline::step(Action::drop, ring, index);
    return (next_seq < seq || is_busy) && given.arguments[3] == 0 ? pipeline::step(Action::park, ring) : Step{};
  }
  static Step claimed(const Step& given) {
    return pipeline::step(Action::claim, given.arguments[0], given.arguments[1]);
  }

  bool is_client_word(Word word) const { return word == layout_.next_seq(slot_.batch.client); }

  const pipeline::Layout& layout_;
  const std::uint32_t ring_;
  const pipeline::Slot& slot_;
};

template <>
class Telling<Order5FetchAdd<Stepped>> final : public CountingTeller {
 public:
  using CountingTeller::CountingTeller;

  static std::vector<Word> places(const pipeline::Layout& layout) { return {layout.issued(), Places::nowhere}; }
};

// The words of the clients, as a table makes them, then others.
inline std::vector<Word> client_words_and(const pipeline::Layout& layout, std::vector<Word> others) {
  std::vector<Word> words;
  for (Value client = 0; client < static_cast<Value>(layout.client_count); ++client) {
    words.push_back(layout.next_seq(client));
  }
  words.insert(words.end(), others.begin(), others.end());
  return words;
}

// A word is twice the client's next seq, plus one while a scanner works on it.
class ClaimTeller : public CountingTeller {
 public:
  using CountingTeller::CountingTeller;

  Label label(Kind kind, Word word) override {
    if (!is_client_word(word)) return CountingTeller::label(kind, word);
    switch (kind) {
      case Kind::load: return look([](const Step& given, Value found) { return looked(given, found); });
      case Kind::compare_exchange:
        return look([](const Step& given, Value found) {
          return found == 2 * given.arguments[2] ? claimed(given) : looked(given, found);
        });
      case Kind::store: return always(Action::release, ring_);
      default: return {};
    }
  }

  static std::vector<Word> places(const pipeline::Layout& layout) {
    return client_words_and(layout, {layout.issued(), Places::nowhere});
  }

 private:
  static Step looked(const Step& given, Value found) {
    return CountingTeller::looked(given, found / 2, found % 2 == 1);
  }
};

template <>
class Telling<Order4Claim<Stepped>> final : public ClaimTeller {
 public:
  using ClaimTeller::ClaimTeller;
};

// The range is there before the claim, and the batch has it from the claim on.
template <>
class Telling<pipeline::ReserveBeforeClaim<Stepped>> final : public ClaimTeller {
 public:
  using ClaimTeller::ClaimTeller;

  std::optional<Value> assigned(Kind kind, Word, Value result) override {
    if (kind == Kind::fetch_add) start_ = result;
    return kind == Kind::compare_exchange && result == 2 * slot_.batch.seq ? std::optional(start_) : std::nullopt;
  }

 private:
  Value start_ = -1;
};

template <>
class Telling<pipeline::CasThenReserve<Stepped>> final : public CountingTeller {
 public:
  using CountingTeller::CountingTeller;

  Label label(Kind kind, Word word) override {
    if (!is_client_word(word)) return CountingTeller::label(kind, word);
    if (kind == Kind::load) return look([](const Step& given, Value found) { return looked(given, found, false); });
    return look([](const Step& given, Value found) {
      return found == given.arguments[2] ? claimed(given) : looked(given, found, false);
    });
  }

  static std::vector<Word> places(const pipeline::Layout& layout) {
    return client_words_and(layout, {layout.issued(), Places::nowhere});
  }
};

// What the client's word said under the lock decides what giving the lock back is.
class LockTeller : public CountingTeller {
 public:
  using CountingTeller::CountingTeller;

  Label label(Kind kind, Word word) override {
    switch (kind) {
      case Kind::lock: return always(Action::lock, ring_, slot_.index);
      case Kind::store: return is_client_word(word) ? always(Action::advance, ring_) : Label{};
      case Kind::unlock:
        return always(next_ == slot_.batch.seq  ? Action::unlock
                      : next_ > slot_.batch.seq ? Action::drop
                                                : Action::park,
                      ring_);
      default: return CountingTeller::label(kind, word);
    }
  }

  std::optional<Value> assigned(Kind kind, Word word, Value result) override {
    if (kind == Kind::load && is_client_word(word)) next_ = result;
    return CountingTeller::assigned(kind, word, result);
  }

 private:
  Value next_ = 0;
};

template <>
class Telling<Order4ShardedMutex<Stepped, shard_count>> final : public LockTeller {
 public:
  using LockTeller::LockTeller;

  static std::vector<Word> places(const pipeline::Layout& layout) {
    std::vector<Word> words;
    for (std::size_t shard = 0; shard < shard_count; ++shard) words.push_back(layout.shard_lock(shard));
    words.insert(words.end(), {layout.issued(), Places::nowhere});
    return client_words_and(layout, words);
  }
};

// Under the one lock the counter is read and written.
template <>
class Telling<Order4Mutex<Stepped>> final : public LockTeller {
 public:
  using LockTeller::LockTeller;

  Label label(Kind kind, Word word) override {
    const bool reserves = kind == Kind::store && word == layout_.issued();
    return reserves ? always(Action::reserve, ring_) : LockTeller::label(kind, word);
  }

  std::optional<Value> assigned(Kind kind, Word word, Value result) override {
    if (word != layout_.issued()) return LockTeller::assigned(kind, word, result);
    if (kind == Kind::load) start_ = result;
    return kind == Kind::store ? std::optional(start_) : std::nullopt;
  }

  static std::vector<Word> places(const pipeline::Layout& layout) {
    return client_words_and(layout, {layout.lock(), layout.issued(), Places::nowhere});
  }

 private:
  Value start_ = -1;
};

// What workers do is told by who is told of it (pipeline/worker.hpp, pipeline/scanners/epoch4.hpp).
template <>
class Telling<pipeline::SharedCounter<Stepped>> final {
 public:
  static std::vector<Word> places(const pipeline::Layout& layout) { return {layout.issued(), Places::nowhere}; }
};

// A sequencer on the stepped memory; it must outlive the programs that share it.
template <class Sequencer>
std::shared_ptr<Sequencer> stepped_sequencer(const pipeline::Layout& layout) {
  Configuration configuration;
  configuration.client_capacity = layout.client_count;
  const Places places(Telling<Sequencer>::places(layout));
  auto sequencer = std::make_shared<Sequencer>(configuration);
  if (!places.all_taken()) throw std::logic_error("a sequencer made fewer words than it has places");
  return sequencer;
}

}  // namespace fencepost::stepped
