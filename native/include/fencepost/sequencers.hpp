// The list of sequencers: the one place where a name becomes a type.
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <string_view>

#include "fencepost/structures/limits.hpp"
#include "fencepost/memory/coherent.hpp"
#include "fencepost/sequencers/order4_claim.hpp"
#include "fencepost/sequencers/order4_epoch.hpp"
#include "fencepost/sequencers/order4_mutex.hpp"
#include "fencepost/sequencers/order4_owner.hpp"
#include "fencepost/sequencers/order4_sharded_mutex.hpp"
#include "fencepost/sequencers/order5_epoch.hpp"
#include "fencepost/sequencers/order5_fetch_add.hpp"

namespace fencepost {

struct SequencerName {
  std::string_view name;
  int level;
};

template <class... Sequencers>
struct SequencerList {
  static constexpr std::array<SequencerName, sizeof...(Sequencers)> names{{{Sequencers::name, Sequencers::level}...}};

  // Calls `use.template operator()<Sequencer>()` for the sequencer of that name. Throws Refused with the choices.
  template <class Use>
  static void with(std::string_view name, Use&& use) {
    const bool found = ((Sequencers::name == name ? (use.template operator()<Sequencers>(), true) : false) || ...);
    if (!found) refuse_name(name);
  }

 private:
  [[noreturn]] static void refuse_name(std::string_view name) {
    std::string message = "unknown sequencer '" + std::string(name) + "': expected one of ";
    for (std::size_t index = 0; index < names.size(); ++index) {
      if (index > 0) message += ", ";
      message += names[index].name;
    }
    throw Refused(message);
  }
};

using CoherentSequencers =
    SequencerList<Order5FetchAdd<Coherent>, Order5Epoch<Coherent>, Order4Mutex<Coherent>, Order4ShardedMutex<Coherent>,
                  Order4Claim<Coherent>, Order4Owner<Coherent>, Order4Epoch<Coherent>>;

}  // namespace fencepost
