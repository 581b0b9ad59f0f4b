// The stepped build on its own, for sanitizers and for both ways to switch stacks: every run of a small scenario and of
// the shared structures, and drawn ones. Prints what it counted.
#include <algorithm>
#include <cstdio>
#include <string_view>
#include <utility>
#include <vector>

#include "fencepost/stepped_explore.hpp"
#include "fencepost/stepped_pipeline.hpp"
#include "fencepost/stepped_structures.hpp"

namespace {

using namespace fencepost;
using namespace fencepost::stepped;

class NothingWrong final : public Ends {
 public:
  bool wrong(const System& system) override { return system.violated(); }
};

class NobodyWaits final : public StructureEnds {
  bool wrong_at_end(const Returned& returned) override {
    return std::ranges::any_of(returned, [](const auto& each) { return !each; });
  }
};

const std::vector<std::int64_t> weakest{2, 2, 1, 1, 2, 1, 2, 2, 0, 0, 2, 2, 0, 0, 0, 0, 2, 0,
                                        0, 0, 0, 0, 2, 0, 2, 2, 2, 2, 2, 2, 1, 2, 1, 1, 2, 1};

void explore(std::string_view name, System& system, Ends& ends, Strategy strategy) {
  const Found found = Explorer(system, ends, {600, 5'000, 50}, [](const Counts&, double) {}).explore(strategy, 7, 3);
  std::printf("%s %d: %llu complete, %llu blocked, %llu steps\n", name.data(), static_cast<int>(strategy),
              static_cast<unsigned long long>(found.counts.complete),
              static_cast<unsigned long long>(found.counts.blocked), static_cast<unsigned long long>(found.counts.steps));
}

void explore(std::string_view design, Strategy strategy) {
  pipeline::Scenario scenario;
  scenario.rings = {{{{0, 0, 1}, 0}, {{0, 1, 1}, 0}}, {{{0, 1, 1}, 0}, {{1, 0, 2}, 0}}};
  if (design == "order4.owner") scenario.rings = {{{{0, 0, 1}, 0}}, {{{0, 1, 1}, 0}}};  // of more it has too many runs
  scenario.slots = 2;
  scenario.subscribers = true;
  Pipeline pipeline(design, scenario, {false, true, true, true, false}, matrix_of(weakest), 0, nullptr);
  NothingWrong ends;
  explore(design, pipeline.system(), ends, strategy);
}

// The numbers are those of model/programs/structures/.
void explore_structure(std::string_view name, const std::vector<std::int64_t>& numbers, const Profile& profile) {
  for (const Strategy strategy : {Strategy::exhaustive, Strategy::random, Strategy::pct}) {
    Structure structure(name, numbers, profile, matrix_of(weakest));
    NobodyWaits ends;
    explore(name, structure.system(), ends, strategy);
  }
}

}  // namespace

int main() {
  for (const std::string_view design : pipeline_designs) {
    for (const Strategy strategy : {Strategy::exhaustive, Strategy::random, Strategy::pct}) explore(design, strategy);
  }
  const Profile hosts{false, true, true, true, false}, without_eviction{false, true, false, true, false};
  for (std::int64_t policy = 0; policy < 6; ++policy) explore_structure("lap_ring", {policy, 1, 2, 1, 1, 0}, hosts);
  explore_structure("export_chain", {2, 1, 1, 1}, hosts);
  explore_structure("ack_frontier", {2, 1}, without_eviction);
  explore_structure("client_table", {2, 1, 2, 0, 1, 2, 1, 0}, hosts);
}
