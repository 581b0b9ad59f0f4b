// The memory policy of the stepped build: every access leaves the fibre, and somebody else decides when it happens.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <utility>

#include "fencepost/fibre.hpp"
#include "fencepost/pipeline_mutants.hpp"
#include "fencepost/pipeline_words.hpp"
#include "fencepost/stepped_threads.hpp"
#include "fencepost/stepped_values.hpp"

namespace fencepost::stepped {

// A program on a fibre: what it asks for, and what it is sent.
class FibreProgram : public Program, private Fibre {
 public:
  const Operation* begin() override {
    restart();
    return done() ? nullptr : asked_;
  }

  const Operation* go_on(Result result) override {
    sent_ = result;
    enter();
    return done() ? nullptr : asked_;
  }

 protected:
  // Called on the fibre. The operation stays where it is until its result is there.
  Result ask(const Operation& operation) {
    asked_ = &operation;
    leave();
    return sent_;
  }

 private:
  const Operation* asked_ = nullptr;
  Result sent_;
};

template <pipeline::Mutant mutant_>
class SteppedMemory : public FibreProgram {
 public:
  static constexpr pipeline::Mutant mutant = mutant_;
  using Label = stepped::Label;

  template <class... Arguments>
  static Label at(Action action, Arguments... arguments) {
    return {Label::Rule::always, pipeline::step(action, arguments...), 0, nullptr};
  }
  template <class... Arguments>
  static Label at_if(Value expected, Action action, Arguments... arguments) {
    return {Label::Rule::if_equal, pipeline::step(action, arguments...), expected, nullptr};
  }
  template <class... Arguments>
  static Label computed(pipeline::ComputeStep compute, Arguments... arguments) {
    return {Label::Rule::computed, pipeline::step(Action::none, arguments...), 0, compute};
  }
  static Label unlabelled() { return {}; }

  Value load(Word word, const Label& label = {}) { return on(Kind::load, word, 0, 0, label).value; }
  void store(Word word, Value value, const Label& label = {}) { on(Kind::store, word, value, 0, label); }
  Value fetch_add(Word word, Value amount, const Label& label = {}) {
    return on(Kind::fetch_add, word, amount, 0, label).value;
  }
  Value compare_exchange(Word word, Value expected, Value desired, const Label& label = {}) {
    return on(Kind::compare_exchange, word, expected, desired, label).value;
  }
  void lock(Word word, const Label& label = {}) { on(Kind::lock, word, 0, 0, label); }
  void unlock(Word word, const Label& label = {}) { on(Kind::unlock, word, 0, 0, label); }
  void flush(LineIndex line) { on(Kind::flush, {line, 0}, 0, 0, {}); }
  void store_fence() { on(Kind::store_fence, {}, 0, 0, {}); }
  void full_fence() { on(Kind::full_fence, {}, 0, 0, {}); }
  void witness(const Label& label) { on(Kind::witness, {}, 0, 0, label); }
  void sleep_until(Value until_ns) { on(Kind::sleep, {}, until_ns, 0, {}); }

  Result poll(std::span<const Watched> watched) {
    Operation operation;
    operation.kind = Kind::poll;
    operation.watched = watched;
    return ask(operation);
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
  void attempted(std::uint32_t ring, Value index, pipeline::Outcome outcome, Value start) {
    Operation operation;
    operation.kind = Kind::attempted;
    operation.channel = ring;
    operation.word.line = static_cast<LineIndex>(index);
    operation.value = static_cast<Value>(outcome);
    operation.second = start;
    ask(operation);
  }
  void delivered(std::uint32_t, const pipeline::ChainEntry&, Value) {}

 private:
  Result on(Kind kind, Word word, Value value, Value second, const Label& label) {
    Operation operation;
    operation.kind = kind;
    operation.word = word;
    operation.value = value;
    operation.second = second;
    operation.label = label;
    return ask(operation);
  }
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
