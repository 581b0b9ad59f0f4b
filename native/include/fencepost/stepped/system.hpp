// Threads on the stepped memory: which transitions a state has, and what happens in one. model/explorer/states/system.py.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "fencepost/stepped/cells.hpp"
#include "fencepost/stepped/memory.hpp"
#include "fencepost/stepped/threads.hpp"
#include "fencepost/stepped/transitions.hpp"
#include "fencepost/stepped/values.hpp"
#include "fencepost/stepped/watch.hpp"

namespace fencepost::stepped {

// One thing that was done: an operation of a thread, or the drain of an entry of its buffer.
struct Act {
  static constexpr EntryIndex no_entry = UINT32_MAX;
  std::uint32_t thread = 0;
  bool is_drain = false;
  Nodes::Index node = 0;            // the operation's; of a drain, that of the operation which put the entry there
  EntryIndex entry = no_entry;      // what was drained, or what a store or flush put into the buffer
  Result result;
  Choice choice;
  Step step;
};

// One transition: who, by which choice, what it had to do with, and what was done.
struct Event {
  Actor actor;
  Choice choice;
  Footprint touched;
  std::vector<Act> acts;

  void begin(Actor who, Choice what) {
    actor = who;
    choice = what;
    touched.clear();
    acts.clear();
  }
};

// What a system is made of. `begin` makes the program of a thread.
struct Threads {
  std::vector<Host> hosts;
  std::vector<std::unique_ptr<Program>> programs;
};

class System {
 public:
  System(Threads threads, const Profile& profile, const Matrix& matrix, const Shape& shape, Judge* judge)
      : profile_(profile),
        matrix_(matrix),
        hosts_(std::move(threads.hosts)),
        lines_(shape.line_count(), profile.one_host),
        keys_(shape.line_count(), shape.host_count, shape.channel_count),
        cells_(shape),
        memory_(profile_, lines_, cells_, keys_),
        transitions_(matrix_, hosts_, lines_, cells_, memory_),
        watches_(judge) {
    for (auto& each : threads.programs) nodes_.push_back(std::make_unique<Nodes>(std::move(each)));
    if (profile.one_host) std::ranges::fill(hosts_, 0U);
  }

  std::size_t thread_count() const { return hosts_.size(); }
  const Matrix& matrix() const { return matrix_; }
  const Profile& profile() const { return profile_; }
  const Lines& lines() const { return lines_; }
  Lines& lines() { return lines_; }
  Keys& keys() { return keys_; }
  Cells& cells() { return cells_; }
  const Cells& cells() const { return cells_; }
  const Memory& memory() const { return memory_; }
  const Nodes& nodes(std::uint32_t thread) const { return *nodes_[thread]; }
  Host host(std::uint32_t thread) const { return hosts_[thread]; }
  bool violated() const {
    return watches_.violated(cells_.watch()) || (asks_single_writer_ && cells_.second_writer_count() != 0);
  }

  // Whether a run is wrong from where a second host stores to a line.
  void ask_single_writer(bool asks) { asks_single_writer_ = asks; }

  const Operation* pending(std::uint32_t thread) const {
    const Nodes& nodes = *nodes_[thread];
    return nodes.ended(cells_.node(thread)) ? nullptr : &nodes.operation(cells_.node(thread));
  }

  // Goes to the beginning: what happens at once is an event of nobody. `forgets` drops the places that threads were at.
  void start(Event& event, bool forgets = false) {
    cells_.reset();
    if (forgets) {
      for (auto& each : nodes_) each->restart();
    }
    event.begin({}, {});
    for (std::uint32_t thread = 0; thread < thread_count(); ++thread) hasten(thread, event);
  }

  // The transitions of this state, those of an actor together.
  void transitions(std::vector<Transition>& found) const {
    found.clear();
    for (std::uint32_t thread = 0; thread < thread_count(); ++thread) {
      const Operation* const operation = pending(thread);
      if (operation != nullptr) {
        const Actor actor{thread, Actor::thread_itself};
        transitions_.options(thread, *operation, [&](Choice choice, bool lucky) { found.push_back({actor, choice, lucky}); });
      }
      const std::vector<EntryIndex>& buffer = cells_.buffer(thread);
      for (std::size_t place = 0; place < buffer.size(); ++place) {
        if (transitions_.blocked(buffer, place)) continue;
        const Entry& entry = cells_.entry(buffer[place]);
        const Actor actor{thread, entry.number};
        transitions_.drains(thread, entry, [&](Choice choice, bool lucky) { found.push_back({actor, choice, lucky}); });
      }
    }
  }

  // Calls `use` for each choice of a thread that waits with a number for how the wait goes on: by which of its words, and
  // whether it would only look there.
  template <class Use>
  void each_answer(std::uint32_t thread, Use&& use) const {
    transitions_.options(thread, *pending(thread), [&](Choice choice, bool) {
      use(choice.kind() == Choice::Kind::nothing ? 0 : 2 * choice.poll() + (choice.looked() ? 1 : 0));
    });
  }

  // The keys whose writes change what a load of a word may find.
  template <class Use>
  void each_key(Word word, Use&& use) const {
    if (lines_.own(word.line)) return use(keys_.word(word));
    use(keys_.memory(word.line));
    use(keys_.dirty(word.line));
  }

  // Makes a transition of this state.
  void perform(Actor actor, Choice choice, Event& event) {
    event.begin(actor, choice);
    const std::uint32_t thread = actor.thread;
    if (actor.is_thread()) {
      cells_.order_entries(thread);
      const Operation& operation = *pending(thread);
      const Result result = execute(thread, operation, choice, event);
      if (choice.looked()) {  // not a step of the program
        event.acts.push_back({thread, false, cells_.node(thread), Act::no_entry, result, choice, {}});
      } else {
        advance(thread, operation, result, choice, event);
      }
    } else {
      const std::vector<EntryIndex>& buffer = cells_.buffer(thread);
      std::size_t place = 0;
      while (cells_.entry(buffer[place]).number != actor.number) ++place;
      drain(thread, place, choice, event, event.touched);
    }
    hasten(thread, event);
  }

 private:
  // --- what happens then ---

  // `operation` may be gone afterwards: places of threads move when there are more of them.
  void advance(std::uint32_t thread, const Operation& operation, Result result, Choice choice, Event& event) {
    Nodes& nodes = *nodes_[thread];
    const Nodes::Index node = cells_.node(thread);
    Act act{thread, false, node, Act::no_entry, result, choice, {}};
    if (profile_.buffers && enters_buffer(operation.kind)) {
      act.entry = cells_.buffer(thread).back();  // it takes effect when it leaves the store buffer
    } else {
      act.step = operation.label.of(result.value);
    }
    cells_.set_node(thread, nodes.after(node, result));
    event.acts.push_back(act);
    tell(thread, act.step, event, event.touched);
  }

  // Tells the watch of a step. The facts that it is judged by, and what is asked of memory, are part of what the event
  // has to do with; `touched` is where the latter is noted.
  void tell(std::uint32_t thread, const Step& step, Event& event, Footprint& touched) {
    if (step.action == Action::none || !watches_.present()) return;
    Watches::Told& told = watches_.told_of(cells_.watch(), step);
    for (const std::uint32_t fact : told.concern.reads) event.touched.add(keys_.fact(fact), Touch::reads);
    for (const std::uint32_t fact : told.concern.writes) event.touched.add(keys_.fact(fact), Touch::writes);
    cells_.set_watch(watches_.after(told, [&](Word word) {
      lines_.use(word.line, thread, hosts_[thread], false);
      touched.add(lines_.own(word.line) ? keys_.word(word) : keys_.memory(word.line), Touch::reads);
      return memory_.memory(word);
    }));
  }

  // Does a visible operation; returns its result.
  Result execute(std::uint32_t thread, const Operation& operation, Choice choice, Event& event) {
    const Host host = hosts_[thread];
    Footprint& touched = event.touched;
    switch (operation.kind) {
      case Kind::load: return {load(thread, operation.word, choice, touched)};
      case Kind::poll: return poll(thread, operation, choice, touched);
      case Kind::fetch_add:
      case Kind::compare_exchange:
      case Kind::exchange: return {modify(thread, operation, choice, touched)};
      case Kind::lock: store(thread, operation.word, 1, choice, touched); return {};
      case Kind::store: store(thread, operation.word, operation.value, choice, touched); return {};
      case Kind::unlock: store(thread, operation.word, 0, choice, touched); return {};
      case Kind::device_add:
        lines_.use(operation.word.line, thread, host, true);
        return {memory_.device_store(host, operation.word, operation.value, choice, touched, true)};
      case Kind::send: {
        const std::size_t number = cells_.messages(operation.channel).size();
        cells_.send(operation.channel, operation.value);
        touched.add(keys_.channel(operation.channel), Touch::writes);
        touched.add(keys_.message(operation.channel, number), Touch::writes);
        return {};
      }
      case Kind::receive:
        touched.add(keys_.message(operation.channel, cells_.taken_count(operation.channel)), Touch::reads);
        touched.add(keys_.taken(operation.channel), Touch::writes);
        return {cells_.receive(operation.channel)};
      case Kind::prefetch:
        if (choice != Choice() && !lines_.own(operation.word.line)) memory_.take(host, operation.word.line, choice, touched);
        return {};
      default: return {};
    }
  }

  Result poll(std::uint32_t thread, const Operation& operation, Choice choice, Footprint& touched) {
    const Host host = hosts_[thread];
    const std::size_t index = choice.poll();
    const Watched& each = operation.watched[index];
    const LineIndex line = each.word.line;
    Choice inner = choice.without_poll();
    for (const Watched& other : operation.watched) {  // had it changed before, it might have been the one
      lines_.use(other.word.line, thread, host, false);
      each_key(other.word, [&](Keys::Key key) { touched.add(key, Touch::widens); });
    }
    if (each.invalidate && !lines_.own(line)) {
      if (cells_.dirty(host, line) != 0 && inner == Choice::own()) inner = Choice::copy(cells_.versions(line).size());
      memory_.flush(host, line, Buffered::clflushopt, Choice::evict_none(), touched);
    }
    return {load(thread, each.word, inner, touched), static_cast<std::uint32_t>(index)};
  }

  Value load(std::uint32_t thread, Word word, Choice choice, Footprint& touched) {
    const Host host = hosts_[thread];
    const LineIndex line = word.line;
    lines_.use(line, thread, host, false);
    if (choice == Choice::forwarded()) {
      touched.add(lines_.own(line) ? keys_.word(word) : keys_.copy(host, line), Touch::widens);
      return transitions_.pending_store(thread, word)->value;
    }
    if (lines_.own(line)) {
      touched.add(keys_.word(word), Touch::reads);
      return cells_.word(word);
    }
    return cells_.in(memory_.take(host, line, choice, touched), word.word);
  }

  void store(std::uint32_t thread, Word word, Value value, Choice choice, Footprint& touched) {
    lines_.use(word.line, thread, hosts_[thread], true);
    memory_.store(hosts_[thread], word, value, choice, touched);
    cells_.note_writer(hosts_[thread], word.line);
  }

  // Reads and replaces a word of this host in one step. A compare-exchange that fails writes what it found; on a line of
  // one host alone nobody can tell.
  Value modify(std::uint32_t thread, const Operation& operation, Choice choice, Footprint& touched) {
    const Host host = hosts_[thread];
    const Word word = operation.word;
    const Value before = lines_.own(word.line) ? cells_.word(word)
                                               : cells_.in(memory_.content(host, word.line, choice), word.word);
    const bool fails = operation.kind == Kind::compare_exchange && before != operation.value;
    lines_.use(word.line, thread, host, true);
    if (fails && lines_.own(word.line)) return load(thread, word, choice, touched);
    Value after = operation.value;
    if (operation.kind == Kind::fetch_add) after += before;
    if (operation.kind == Kind::compare_exchange) after = fails ? before : operation.second;
    store(thread, word, after, choice, touched);
    cells_.set_stored(host, word.line, {thread, cells_.moment(thread)});
    return before;
  }

  // Lets an entry of a store buffer take effect.
  void drain(std::uint32_t thread, std::size_t place, Choice choice, Event& event, Footprint& touched) {
    const Host host = hosts_[thread];
    const EntryIndex index = cells_.buffer(thread)[place];
    const Entry entry = cells_.entry(index);
    const LineIndex line = entry.word.line;
    cells_.take(thread, place);
    if (entry.kind == Buffered::store) {
      memory_.store(host, entry.word, entry.value, choice, touched);
      cells_.set_stored(host, line, {thread, entry.moment});
    } else if (entry.kind == Buffered::streaming) {
      memory_.device_store(host, entry.word, entry.value, choice, touched, false);
    } else if (entry.kind != Buffered::fence && !lines_.own(line)) {
      memory_.flush(host, line, entry.kind, choice, touched);
    }
    if (is_store(entry.kind)) cells_.note_writer(host, line);
    const Step step = nodes_[thread]->operation(entry.origin).label.of(0);
    event.acts.push_back({thread, true, entry.origin, index, {}, choice, step});
    tell(thread, step, event, touched);
  }

  // --- what happens at once ---

  // Does what only this thread can notice, as long as there is some.
  void hasten(std::uint32_t thread, Event& event) {
    while (local(thread, event) || drain_unnoticed(thread, event)) {
    }
  }

  bool local(std::uint32_t thread, Event& event) {
    const Operation* const next = pending(thread);
    if (next == nullptr) return false;
    switch (next->kind) {
      case Kind::store:
      case Kind::unlock:
        if (!profile_.buffers) return false;
        enter(thread, *next);
        break;
      case Kind::flush:
      case Kind::store_fence:
        if (profile_.buffers) enter(thread, *next);
        break;
      case Kind::full_fence:
        if (!cells_.buffer(thread).empty()) return false;
        cells_.order_entries(thread);
        break;
      case Kind::load_fence:
        if (profile_.lfence_waits && waits_for_flush(thread)) return false;
        break;
      case Kind::prefetch:
        if (!profile_.speculate) return false;  // a cache may fetch at any time: one more time is nothing new
        break;
      case Kind::sleep:
      case Kind::attempted:
      case Kind::witness: break;
      default: return false;
    }
    advance(thread, *next, {}, Choice(), event);
    return true;
  }

  bool waits_for_flush(std::uint32_t thread) const {
    return std::ranges::any_of(cells_.buffer(thread), [&](EntryIndex index) {
      const Buffered kind = cells_.entry(index).kind;
      return kind == Buffered::clflush || kind == Buffered::clflushopt;
    });
  }

  void enter(std::uint32_t thread, const Operation& operation) {
    Entry entry;
    entry.word = operation.word;
    entry.origin = cells_.node(thread);
    entry.kind = buffered(operation);
    entry.value = operation.kind == Kind::store ? operation.value : 0;
    if (entry.kind != Buffered::fence) lines_.use(entry.word.line, thread, hosts_[thread], is_store(entry.kind));
    cells_.put(thread, entry);
    if (entry.kind == Buffered::fence || entry.kind == Buffered::clflush) cells_.order_entries(thread);
  }

  // Says whether the judgement of an entry's step, if it is one, depends on no other thread.
  bool is_of_no_concern(std::uint32_t thread, const Entry& entry) {
    const Step step = nodes_[thread]->operation(entry.origin).label.of(0);
    if (step.action == Action::none || !watches_.present()) return true;
    return watches_.told_of(cells_.watch(), step).concern.reads.empty();
  }

  bool drain_unnoticed(std::uint32_t thread, Event& event) {
    const std::vector<EntryIndex>& buffer = cells_.buffer(thread);
    for (std::size_t place = 0; place < buffer.size(); ++place) {
      const Entry& entry = cells_.entry(buffer[place]);
      const LineIndex line = entry.word.line;
      const bool is_unnoticed = entry.kind == Buffered::fence || (is_flush(entry.kind) && lines_.own(line)) ||
                                (lines_.is_private(line) && is_of_no_concern(thread, entry));
      if (is_unnoticed && !transitions_.blocked(buffer, place)) {
        unheard_.clear();  // its line is no other thread's
        drain(thread, place, Choice::own(), event, unheard_);
        return true;
      }
    }
    return false;
  }

  Profile profile_;
  Matrix matrix_;
  std::vector<Host> hosts_;
  std::vector<std::unique_ptr<Nodes>> nodes_;
  Lines lines_;
  Keys keys_;
  Cells cells_;
  Memory memory_;
  Transitions transitions_;
  Watches watches_;
  Footprint unheard_;
  bool asks_single_writer_ = false;
};

// Two hosts stored to one line in this run.
inline bool has_two_writers(const System& system) { return system.cells().second_writer_count() != 0; }

}  // namespace fencepost::stepped
