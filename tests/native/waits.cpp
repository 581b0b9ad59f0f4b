// Programs of waits and stores, in the stepped build: every run of each. Reads programs from stdin, as whole numbers:
// five switches of a profile; an ordering matrix; how many threads; of each its host, how many operations; of each of
// those its kind, its kind in a buffer, whether it streams, channel, line, word, two values, how many words it watches;
// of each of those line, word, value seen, whether it invalidates. Prints counts, and every end: of each thread what each
// operation came to, or a dash where it waits.
#include <cstdint>
#include <cstdio>
#include <iostream>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "fencepost/stepped/search/explore.hpp"
#include "fencepost/stepped/system.hpp"

namespace {

using namespace fencepost::stepped;

struct Code {
  std::vector<Operation> operations;
  std::vector<std::vector<Watched>> watched;  // of each
};

class Straight final : public Program {
 public:
  explicit Straight(Code code) : code_(std::move(code)) {
    for (std::size_t at = 0; at < code_.operations.size(); ++at) code_.operations[at].watched = code_.watched[at];
  }

  const Operation* begin() override {
    results_.clear();
    return next();
  }
  const Operation* go_on(Result result) override {
    results_.push_back(result);
    return next();
  }
  std::vector<Value> returned() const override {
    std::vector<Value> values;
    for (const Result& each : results_) values.insert(values.end(), {static_cast<Value>(each.index), each.value});
    return values;
  }

 private:
  const Operation* next() const {
    return results_.size() == code_.operations.size() ? nullptr : &code_.operations[results_.size()];
  }

  Code code_;
  std::vector<Result> results_;
};

std::int64_t number() {
  std::int64_t read = 0;
  std::cin >> read;
  return read;
}

Code read_code() {
  Code code;
  for (std::int64_t left = number(); left > 0; --left) {
    Operation operation;
    operation.kind = static_cast<Kind>(number());
    operation.flush = static_cast<Buffered>(number());
    operation.streaming = number() != 0;
    operation.channel = static_cast<std::uint32_t>(number());
    operation.word.line = static_cast<LineIndex>(number());
    operation.word.word = static_cast<std::uint32_t>(number());
    operation.value = number();
    operation.second = number();
    code.watched.emplace_back();
    for (std::int64_t words = number(); words > 0; --words) {
      Watched each;
      each.word.line = static_cast<LineIndex>(number());
      each.word.word = static_cast<std::uint32_t>(number());
      each.seen = number();
      each.invalidate = number() != 0;
      code.watched.back().push_back(each);
    }
    code.operations.push_back(operation);
  }
  return code;
}

class Returned final : public Ends {
 public:
  bool wrong(const System& system) override {
    std::string end;
    for (std::uint32_t thread = 0; thread < system.thread_count(); ++thread) {
      end += " |";
      if (system.pending(thread) != nullptr) {
        end += " -";
        continue;
      }
      for (const Value each : system.nodes(thread).returned(system.cells().node(thread))) end += ' ' + std::to_string(each);
    }
    all.insert(end);
    return false;
  }
  void begin() override { all.clear(); }

  std::set<std::string> all;
};

void explore(bool one_host) {
  Profile profile{one_host};
  for (bool* const each : {&profile.buffers, &profile.evict, &profile.speculate, &profile.lfence_waits}) *each = number() != 0;
  std::vector<std::int64_t> orders(buffered_count * buffered_count);
  for (std::int64_t& each : orders) each = number();
  Shape shape;
  shape.host_count = 2;
  shape.channel_count = 1;
  shape.word_counts = {2, 1};
  shape.initial = {{}, {}};
  Threads threads;
  for (std::int64_t left = number(); left > 0; --left) {
    threads.hosts.push_back(static_cast<Host>(number()));
    threads.programs.push_back(std::make_unique<Straight>(read_code()));
  }
  shape.thread_count = threads.hosts.size();
  System system(std::move(threads), profile, matrix_of(orders), shape, nullptr);
  Returned ends;
  const Found found = Explorer(system, ends, {600, 5'000, UINT64_MAX}, [](const Counts&, double) {}).explore(Strategy::exhaustive, 0, 1);
  std::printf("%llu %llu %llu\n", static_cast<unsigned long long>(found.counts.complete),
              static_cast<unsigned long long>(found.counts.blocked), static_cast<unsigned long long>(found.counts.steps));
  for (const std::string& each : ends.all) std::printf("%s\n", each.c_str() + 1);
}

}  // namespace

int main() {
  for (std::int64_t left = number(); left > 0; --left) {
    explore(number() != 0);
    std::printf("end\n");
  }
}
