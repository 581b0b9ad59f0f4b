// The stepped build on its own, for sanitizers and for both ways to switch stacks: every run of a small scenario, and
// drawn ones. Prints what it counted.
#include <cstdio>

#include "fencepost/stepped/search/explore.hpp"
#include "fencepost/stepped/pipeline.hpp"

namespace {

using namespace fencepost;
using namespace fencepost::stepped;

class NothingWrong final : public Ends {
 public:
  bool wrong(const System& system) override { return system.violated(); }
};

void explore(std::string_view design, Strategy strategy) {
  pipeline::Scenario scenario;
  scenario.rings = {{{{0, 0, 1}, 0}, {{0, 1, 1}, 0}}, {{{0, 1, 1}, 0}, {{1, 0, 2}, 0}}};
  // Workers that read every ring have too many runs of more.
  if (design == "order4.owner" || design == "order4.epoch") scenario.rings = {{{{0, 0, 1}, 0}}, {{{0, 1, 1}, 0}}};
  scenario.slots = 2;
  scenario.subscribers = true;
  const std::vector<std::int64_t> weakest{2, 2, 1, 1, 2, 1, 2, 2, 0, 0, 2, 2, 0, 0, 0, 0, 2, 0,
                                          0, 0, 0, 0, 2, 0, 2, 2, 2, 2, 2, 2, 1, 2, 1, 1, 2, 1};
  Pipeline pipeline(design, scenario, {false, true, true, true, false}, matrix_of(weakest), 0, nullptr);
  NothingWrong ends;
  const Found found = Explorer(pipeline.system(), ends, {600, 5'000, 50}, [](const Counts&, double) {}).explore(strategy, 7, 3);
  std::printf("%s %d: %llu complete, %llu blocked, %llu steps\n", design.data(), static_cast<int>(strategy),
              static_cast<unsigned long long>(found.counts.complete),
              static_cast<unsigned long long>(found.counts.blocked), static_cast<unsigned long long>(found.counts.steps));
}

// One store to the only line.
class OneStore final : public Program {
 public:
  explicit OneStore(bool streams) {
    store_.kind = Kind::store;
    store_.streaming = streams;
    store_.value = 1;
  }
  const Operation* begin() override { return &store_; }
  const Operation* go_on(Result) override { return nullptr; }

 private:
  Operation store_;
};

// Where a second host stores to a line, a run is wrong if that was asked for, and at that store.
bool is_judged_at_the_second_store(Host second, bool streams, bool asks, bool expected) {
  Threads threads;
  threads.hosts = {0, second};
  threads.programs.push_back(std::make_unique<OneStore>(false));
  threads.programs.push_back(std::make_unique<OneStore>(streams));
  Shape shape;
  shape.host_count = 2;
  shape.thread_count = 2;
  shape.word_counts = {1};
  shape.initial = {{}};
  System system(std::move(threads), {false, true, true, true, false}, Matrix{}, shape, nullptr);
  system.ask_single_writer(asks);
  NothingWrong ends;
  const Found found =
      Explorer(system, ends, {600, 5'000, 50}, [](const Counts&, double) {}).explore(Strategy::exhaustive, 7, 3);
  return found.violated == expected && (!expected || found.schedule.size() == 2);
}

}  // namespace

int main() {
  const bool right = is_judged_at_the_second_store(1, false, true, true) &&
                     is_judged_at_the_second_store(1, true, true, true) &&
                     is_judged_at_the_second_store(1, false, false, false) &&
                     is_judged_at_the_second_store(0, false, true, false);
  if (!right) {
    std::printf("single-writer is not judged at the second store\n");
    return 1;
  }
  for (const std::string_view design : pipeline_designs) {
    for (const Strategy strategy : {Strategy::exhaustive, Strategy::random, Strategy::pct}) explore(design, strategy);
  }
}
