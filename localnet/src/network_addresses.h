// Where things are, from the directory's records; as JSON for the program's output and the admin
// interface.
#pragma once

#include <cstdint>
#include <string>

#include "mix/localnet/directory_core.h"
#include "mix/localnet/network.h"

namespace mix::localnet {

/// "127.0.0.1:80", "[::1]:80".
[[nodiscard]] std::string authority(const std::string& ip, std::uint16_t port);
/// Replaces the lists of nodes; the URLs stay.
void collect_nodes(const DirectoryState& state, NetworkAddresses& addresses);
/// One line.
[[nodiscard]] std::string to_json(const NetworkAddresses& addresses);

}  // namespace mix::localnet
