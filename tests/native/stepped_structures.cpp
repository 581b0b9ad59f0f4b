// The shared structures in the stepped build, on their own as stepped.cpp is: every run of small programs, and drawn ones.
// Prints what it counted.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <string_view>
#include <vector>

#include "fencepost/stepped/search/explore.hpp"
#include "fencepost/stepped/structures.hpp"

namespace {

using namespace fencepost;
using namespace fencepost::stepped;

class NobodyWaits final : public StructureEnds {
 public:
  NobodyWaits() : StructureEnds(true) {}

 private:
  bool wrong_at_end(const Returned& returned) override {
    return std::ranges::any_of(returned, [](const auto& each) { return !each; });
  }
};

constexpr Profile hosts{false, true, true, true, false}, without_eviction{false, true, false, true, false};

// The numbers are those of model/programs/structures/.
void explore(std::string_view name, const std::vector<std::int64_t>& numbers, const Profile& profile) {
  const std::vector<std::int64_t> weakest{2, 2, 1, 1, 2, 1, 2, 2, 0, 0, 2, 2, 0, 0, 0, 0, 2, 0,
                                          0, 0, 0, 0, 2, 0, 2, 2, 2, 2, 2, 2, 1, 2, 1, 1, 2, 1};
  for (const Strategy strategy : {Strategy::exhaustive, Strategy::random, Strategy::pct}) {
    Structure structure(name, numbers, profile, matrix_of(weakest));
    NobodyWaits ends;
    const Found found =
        Explorer(structure.system(), ends, {600, 5'000, 50}, [](const Counts&, double) {}).explore(strategy, 7, 3);
    std::printf("%s %lld %d: %llu complete, %llu blocked, %llu steps\n", name.data(), static_cast<long long>(numbers[0]),
                static_cast<int>(strategy), static_cast<unsigned long long>(found.counts.complete),
                static_cast<unsigned long long>(found.counts.blocked), static_cast<unsigned long long>(found.counts.steps));
  }
}

}  // namespace

int main() {
  for (std::int64_t policy = 0; policy < 5; ++policy) explore("lap_ring", {policy, 1, 2, 1, 1, 0}, hosts);
  explore("lap_ring", {5, 1, 1, 1, 1, 0}, hosts);  // of the guard before its fence; of more there are too many
  explore("lap_ring", {2, 1, 2, 1, 0, 2}, without_eviction);
  explore("export_chain", {2, 1, 1, 1}, hosts);
  explore("ack_frontier", {2, 1}, without_eviction);
  explore("client_table", {2, 1, 2, 0, 1, 2, 1, 0}, hosts);
  explore("client_table", {2, 0, 2, 0, 1, 2, 1, 0}, hosts);
}
