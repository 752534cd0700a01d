#include "mix/localnet/address_map.h"

#include <stdexcept>
#include <string>

namespace mix::localnet {

void AddressMap::add(std::string_view rule) {
  const auto fail = [&](const char* what) {
    throw std::invalid_argument("address map \"" + std::string{rule} + "\": " + what);
  };
  const std::size_t equals = rule.find('=');
  if (equals == std::string_view::npos) fail("no \"=\"");
  const auto from = split_ports(rule.substr(0, equals));
  const auto to = split_ports(rule.substr(equals + 1));
  if (!from || !to) fail("no port");

  Rule out;
  const auto addresses = AddressPattern::parse(from->pattern);
  const auto ports = PortRange::parse(from->ports);
  if (!addresses || !ports) fail("bad pattern");
  const bool keeps_port = to->ports == "*";
  const std::string endpoint =
      std::string{to->pattern} + ":" + (keeps_port ? "0" : std::string{to->ports});
  const auto target = IpEndpoint::parse(endpoint);
  if (!target || (!keeps_port && target->port == 0)) fail("bad target");

  out.addresses = *addresses;
  out.ports = *ports;
  out.target = target->address;
  if (!keeps_port) out.target_port = target->port;
  if (out.addresses.family && *out.addresses.family != out.target.family) {
    fail("pattern and target are of different families");
  }
  out.addresses.family = out.target.family;
  rules_.push_back(out);
}

std::optional<IpEndpoint> AddressMap::find(const IpEndpoint& destination) const {
  for (const Rule& rule : rules_) {
    if (!rule.addresses.matches(destination.address)) continue;
    if (!rule.ports.contains(destination.port)) continue;
    // Without ports there is nothing to give the target's port to.
    const bool has_port = destination.port != 0;
    return IpEndpoint{rule.target,
                      has_port ? rule.target_port.value_or(destination.port) : destination.port};
  }
  return std::nullopt;
}

}  // namespace mix::localnet
