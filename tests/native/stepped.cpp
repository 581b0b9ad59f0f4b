// The stepped build on its own, for sanitizers and for both ways to switch stacks: every run of a small scenario, and
// drawn ones. Prints what it counted.
#include <cstdio>

#include "fencepost/stepped_explore.hpp"
#include "fencepost/stepped_pipeline.hpp"

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
  if (design == "order4.owner") scenario.rings = {{{{0, 0, 1}, 0}}, {{{0, 1, 1}, 0}}};  // of more it has too many runs
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

}  // namespace

int main() {
  for (const std::string_view design : pipeline_designs) {
    for (const Strategy strategy : {Strategy::exhaustive, Strategy::random, Strategy::pct}) explore(design, strategy);
  }
}
