// The memory policies of the stepped build: every access leaves the fibre, and somebody else decides when it happens.
//   SteppedMemory   of the pipeline's programs: memory/pooled.hpp is its other form
//   Stepped         of the sequencers: memory/coherent.hpp is its other form
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <stdexcept>
#include <utility>
#include <vector>

#include "fencepost/structures/batch.hpp"
#include "fencepost/clients/client_table.hpp"
#include "fencepost/memory/stepped_stops.hpp"
#include "fencepost/race/fibre.hpp"
#include "fencepost/pipeline/layout.hpp"
#include "fencepost/pipeline/mutants.hpp"
#include "fencepost/pipeline/words.hpp"
#include "fencepost/stepped/threads.hpp"
#include "fencepost/stepped/values.hpp"

namespace fencepost::stepped {

// A program on a fibre: what it asks for, and what it is sent.
class FibreProgram : public Program, private Fibre {
 public:
  const Operation* begin() override {
    running_ = this;
    restart();
    return done() ? nullptr : asked_;
  }

  const Operation* go_on(Result result) override {
    running_ = this;
    sent_ = result;
    enter();
    return done() ? nullptr : asked_;
  }

  // The program on whose fibre this is called.
  static FibreProgram& running() { return *running_; }

  // An access of a sequencer that the program calls.
  virtual Value access(Kind kind, Word word, Value value, Value second) = 0;

 protected:
  // Called on the fibre. The operation stays where it is until its result is there.
  Result ask(const Operation& operation) {
    asked_ = &operation;
    leave();
    return sent_;
  }

 private:
  static inline thread_local FibreProgram* running_ = nullptr;
  const Operation* asked_ = nullptr;
  Result sent_;
};

// Says where the words lie that a sequencer makes while this is there: in the order in which it makes them.
class Places {
 public:
  // For a word that no run of the stepped build comes to.
  static constexpr Word nowhere{UINT32_MAX, 0};

  explicit Places(std::vector<Word> words) : words_(std::move(words)) { present_ = this; }
  Places(const Places&) = delete;
  Places& operator=(const Places&) = delete;
  ~Places() { present_ = nullptr; }

  static Word next() {
    if (present_ == nullptr || present_->taken_ == present_->words_.size()) throw std::logic_error("a word has no place");
    return present_->words_[present_->taken_++];
  }
  bool all_taken() const { return taken_ == words_.size(); }

 private:
  static inline thread_local Places* present_ = nullptr;
  const std::vector<Word> words_;
  std::size_t taken_ = 0;
};

// Few, so that clients meet in one. model/programs/sequencers/order4.py.
inline constexpr std::size_t shard_count = 2;

// A word of a sequencer is but its place; what it holds is in the stepped memory. Every memory order is that of the
// machine there, which has one for loads, stores and atomics.
struct Stepped {
  template <std::integral T>
  class Word {
   public:
    explicit Word(T initial = T{}) : place_(Places::next()) {
      if (initial != T{} && place_ != Places::nowhere) throw std::logic_error("a word of the stepped memory begins as 0");
    }

   private:
    friend struct Stepped;
    stepped::Word place_;
  };

  class Mutex {
   public:
    void lock() { Stepped::access(Kind::lock, place_); }
    void unlock() { Stepped::access(Kind::unlock, place_); }

   private:
    stepped::Word place_ = Places::next();
  };

  template <class T>
  static T load_relaxed(const Word<T>& word) {
    return static_cast<T>(access(Kind::load, word.place_));
  }
  template <class T>
  static void store_relaxed(Word<T>& word, std::type_identity_t<T> value) {
    access(Kind::store, word.place_, static_cast<Value>(value));
  }
  template <class T>
  static void store_release(Word<T>& word, std::type_identity_t<T> value) {
    access(Kind::store, word.place_, static_cast<Value>(value));
  }
  template <class T>
  static T fetch_add_relaxed(Word<T>& word, std::type_identity_t<T> addend) {
    return static_cast<T>(access(Kind::fetch_add, word.place_, static_cast<Value>(addend)));
  }
  template <class T>
  static bool compare_exchange_acquire(Word<T>& word, T& expected, std::type_identity_t<T> desired) {
    const auto found = static_cast<T>(
        access(Kind::compare_exchange, word.place_, static_cast<Value>(expected), static_cast<Value>(desired)));
    const bool is_exchanged = found == expected;
    expected = found;
    return is_exchanged;
  }

 private:
  static Value access(Kind kind, stepped::Word word, Value value = 0, Value second = 0) {
    if (word == Places::nowhere) throw Refused("the stepped memory has not the word that a sequencer uses");
    return FibreProgram::running().access(kind, word, value, second);
  }
};

// What the accesses of one attempt are to the spec.
class Teller {
 public:
  virtual ~Teller() = default;
  virtual Label label(Kind kind, Word word) = 0;
  // After an access: the batch may have its range now, from this start.
  virtual std::optional<Value> assigned(Kind kind, Word word, Value result) = 0;
};

// The teller of a sequencer, and the places of its words: stepped/telling.hpp.
template <class Sequencer>
class Telling;

template <pipeline::Mutant mutant_>
class SteppedMemory : public FibreProgram {
 public:
  static constexpr pipeline::Mutant mutant = mutant_;
  using Label = stepped::Label;
  using Policy = Stepped;
  static constexpr std::size_t shard_count = stepped::shard_count;
  static constexpr std::size_t epoch_batch_count = 2;  // few, so that epochs get full, as in the model

  const Operation* begin() override {
    teller_ = nullptr;
    tick_count_ = 0;
    return FibreProgram::begin();
  }

  // Each wait of this program looks at a clock besides: a time-out is no answer, and it waits again. model/programs/roles/waiting.py.
  void wait_by(const pipeline::Layout& layout, std::uint32_t ring, pipeline::Mutant fault) {
    layout_ = &layout;
    clock_ = layout.clock(ring);
    fault_ = fault;
  }

  // This program is a scanner that may be stopped at its waits.
  void stop_by(const pipeline::Layout& layout, std::uint32_t ring, pipeline::Mutant fault) {
    stops_.emplace(layout.stop(ring), fault);
  }

  template <class... Arguments>
  static Label at(Action action, Arguments... arguments) {
    return {Label::Rule::always, pipeline::step(action, arguments...), 0, nullptr};
  }
  template <class... Arguments>
  static Label computed(pipeline::ComputeStep compute, Arguments... arguments) {
    return {Label::Rule::computed, pipeline::step(Action::none, arguments...), 0, compute};
  }
  static Label unlabelled() { return {}; }

  Value load(Word word, const Label& label = {}) { return on(Kind::load, word, 0, 0, label).value; }
  void store(Word word, Value value, const Label& label = {}) { on(Kind::store, word, value, 0, label); }
  Value fetch_add(Word word, Value addend, const Label& label = {}) {
    return on(Kind::fetch_add, word, addend, 0, label).value;
  }
  void flush(LineIndex line) { on(Kind::flush, {line, 0}, 0, 0, {}); }
  void store_fence() { on(Kind::store_fence, {}, 0, 0, {}); }
  void full_fence() { on(Kind::full_fence, {}, 0, 0, {}); }
  void witness(const Label& label) {
    if (stops_) stops_->note(label.step);
    on(Kind::witness, {}, 0, 0, label);
  }
  void sleep_until(Value until_ns) { on(Kind::sleep, {}, until_ns, 0, {}); }

  // An attempt of a sequencer, its accesses told as steps.
  template <class Sequencer>
  Attempt attempt(Sequencer& sequencer, const pipeline::Layout& layout, std::uint32_t ring, const pipeline::Slot& slot) {
    Telling<Sequencer> telling(layout, ring, slot);
    teller_ = &telling;
    assigns_ = at(Action::assign, ring, slot.index, slot.batch.client, slot.batch.seq, slot.batch.count, 0);
    const Attempt made = pipeline::try_order(sequencer, slot);
    teller_ = nullptr;
    return made;
  }

  // Calls `call`, in which ranges are taken. What the label says happens at the fetch_add; or at the load, where nobody
  // else stores to the counter.
  template <class Call>
  auto reserving(const Label& label, pipeline::Reserver reserver, Call&& call) {
    ReservationTeller teller(label, reserver == pipeline::Reserver::alone ? Kind::load : Kind::fetch_add);
    teller_ = &teller;
    struct Afterwards {
      Teller*& teller;
      ~Afterwards() { teller = nullptr; }
    } const afterwards{teller_};
    return call();
  }

  Value access(Kind kind, Word word, Value value, Value second) override {
    if (teller_ == nullptr) return on(kind, word, value, second, {}).value;
    const Result result = on(kind, word, value, second, teller_->label(kind, word));
    if (const std::optional<Value> start = teller_->assigned(kind, word, result.value)) {
      assigns_.step.arguments[5] = *start;
      witness(assigns_);
    }
    return result.value;
  }

  Result poll(std::span<const Watched> watched) {
    Operation operation;
    operation.kind = Kind::poll;
    operation.watched = watched;
    if (stops_) return poll_until_stopped(operation);
    if (layout_ == nullptr) return ask(operation);
    while (true) {
      bounded_.assign(1, {clock_, tick_count_, false});
      bounded_.insert(bounded_.end(), watched.begin(), watched.end());
      operation.watched = bounded_;
      const Result found = ask(operation);
      if (found.index > 0) return {found.value, found.index - 1};
      tick_count_ = found.value;
      if (const std::optional<Result> answer = timed_out(watched.front())) return *answer;
    }
  }

  // The words of a sequencer have places as all others have.
  template <class Look>
  Result poll(std::span<const Watched> watched, Look&&) {
    return poll(watched);
  }

  void send(std::uint32_t channel, Value message, const Label& label = {}) {
    Operation operation;
    operation.kind = Kind::send;
    operation.channel = channel;
    operation.value = message;
    operation.label = label;
    ask(operation);
  }

  Result receive(std::uint32_t channel) {
    Operation operation;
    operation.kind = Kind::receive;
    operation.channel = channel;
    return ask(operation);
  }

  // Not operations: what whoever looks on is told.
  void attempted(std::uint32_t ring, Value index, AttemptOutcome outcome, Value start) {
    if (stops_ && stops_->is_stopping()) return;
    if (stops_) stops_->attempted(index, outcome);
    Operation operation;
    operation.kind = Kind::attempted;
    operation.channel = ring;
    operation.word.line = static_cast<LineIndex>(index);
    operation.value = static_cast<Value>(outcome);
    operation.second = start;
    ask(operation);
  }
  void delivered(std::uint32_t, const pipeline::ChainEntry&, Value) {}
  void read_at(std::uint32_t, Value, Value) {}

 private:
  // Its batches are told of one by one afterwards.
  class ReservationTeller final : public Teller {
   public:
    ReservationTeller(const Label& label, Kind reserves) : label_(label), reserves_(reserves) {}
    Label label(Kind kind, Word) override { return kind == reserves_ ? label_ : Label{}; }
    std::optional<Value> assigned(Kind, Word, Value) override { return std::nullopt; }

   private:
    const Label label_;
    const Kind reserves_;
  };

  Result on(Kind kind, Word word, Value value, Value second, const Label& label) {
    Operation operation;
    operation.kind = kind;
    operation.word = word;
    operation.value = value;
    operation.second = second;
    operation.label = label;
    return ask(operation);
  }

  Result poll_until_stopped(Operation& operation) {
    if (stops_->is_stopping()) return {0, Result::stop};
    if (!stops_->hears()) return ask(operation);
    bounded_.assign(1, {stops_->word(), 0, false});
    bounded_.insert(bounded_.end(), operation.watched.begin(), operation.watched.end());
    operation.watched = bounded_;
    const Result found = ask(operation);
    if (found.index > 0) return {found.value, found.index - 1};
    stops_->hear();
    return {0, Result::stop};
  }

  // What a wait that timed out ends as, where that is a fault.
  std::optional<Result> timed_out(const Watched& first) const {
    using pipeline::LineName, pipeline::Mutant;
    const LineName name = layout_->name(first.word.line).name;
    if (fault_ == Mutant::time_out_acknowledges && name == LineName::next && first.word.word == 1) {
      return Result{Value{1} << 30U, 0};
    }
    if (fault_ == Mutant::time_out_takes_the_slot && name == LineName::header && first.word.word == layout_->header_words() - 1) {
      return Result{first.seen + 1, 0};
    }
    return std::nullopt;
  }

 protected:
  std::optional<Stops>& stops() { return stops_; }
 private:
  const pipeline::Layout* layout_ = nullptr;  // of a program whose waits may time out
  Word clock_;
  Value tick_count_ = 0;  // as last seen
  pipeline::Mutant fault_ = pipeline::Mutant::none;
  std::optional<Stops> stops_;    // of a scanner that may be stopped
  std::vector<Watched> bounded_;  // scratch of a poll: kept beside the stack, which may be dropped at any time
  Teller* teller_ = nullptr;  // of the attempt under way, if there is one; on the fibre's stack
  Label assigns_;
};

// One role of the pipeline on a fibre. The role itself is kept beside the stack, which may be dropped at any time.
template <pipeline::Mutant mutant, class Role>
class RoleProgram final : public SteppedMemory<mutant> {
 public:
  using Make = std::function<void(SteppedMemory<mutant>&, std::optional<Role>&)>;
  using Run = std::function<void(Role&)>;

  RoleProgram(Make make, Run run) : make_(std::move(make)), run_(std::move(run)) {}

 private:
  void run() override {
    make_(*this, role_);
    run_(*role_);
  }

  Make make_;
  Run run_;
  std::optional<Role> role_;
};

}  // namespace fencepost::stepped

namespace fencepost {

// In the stepped build clients are numbered from 0, and each has its word from the beginning.
template <>
class ClientTable<stepped::Stepped> {
 public:
  using Word = stepped::Stepped::Word<std::uint64_t>;

  explicit ClientTable(std::size_t client_capacity) {
    words_.reserve(client_capacity);
    for (std::size_t client = 0; client < client_capacity; ++client) words_.emplace_back();
  }

  Word& word_of(std::uint64_t client_id) { return words_[client_id]; }

 private:
  std::vector<Word> words_;
};

}  // namespace fencepost
