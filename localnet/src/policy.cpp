#include "mix/localnet/policy.h"

#include <algorithm>
#include <stdexcept>

namespace mix::localnet {

namespace {

std::string_view trim(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r";
  const std::size_t first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

/// Takes the first word off `text`.
std::string_view take_word(std::string_view& text) {
  const std::size_t end = std::min(text.find_first_of(" \t"), text.size());
  const std::string_view word = text.substr(0, end);
  text = trim(text.substr(end));
  return word;
}

constexpr std::string_view kSample = R"(# First match decides; what no line matches is refused.
reject *:25        # mail between servers
reject *:135-139   # file sharing
reject *:445
reject *:465
reject *:587
accept *:*
)";

AddressPattern pattern(std::string_view text) { return AddressPattern::parse(text).value(); }

struct SpecialRange {
  AddressPattern addresses;
  bool global;
};

/// Exceptions stand before the range that holds them.
const std::vector<SpecialRange>& special_ranges() {
  static const std::vector<SpecialRange> ranges{
      {pattern("0.0.0.0/8"), false},
      {pattern("10.0.0.0/8"), false},
      {pattern("100.64.0.0/10"), false},
      {pattern("127.0.0.0/8"), false},
      {pattern("169.254.0.0/16"), false},
      {pattern("172.16.0.0/12"), false},
      {pattern("192.0.0.9"), true},
      {pattern("192.0.0.10"), true},
      {pattern("192.0.0.0/24"), false},
      {pattern("192.0.2.0/24"), false},
      {pattern("192.168.0.0/16"), false},
      {pattern("198.18.0.0/15"), false},
      {pattern("198.51.100.0/24"), false},
      {pattern("203.0.113.0/24"), false},
      {pattern("240.0.0.0/4"), false},  // broadcast included
      {pattern("[::]"), false},
      {pattern("[::1]"), false},
      {pattern("[::ffff:0:0/96]"), false},
      {pattern("[64:ff9b:1::/48]"), false},
      {pattern("[100::/64]"), false},
      // Exceptions of 2001::/23: anycast relays, AMT, AS112, ORCHIDv2, drone identifiers.
      {pattern("[2001:1::1]"), true},
      {pattern("[2001:1::2]"), true},
      {pattern("[2001:3::/32]"), true},
      {pattern("[2001:4:112::/48]"), true},
      {pattern("[2001:20::/28]"), true},
      {pattern("[2001:30::/28]"), true},
      {pattern("[2001::/23]"), false},
      {pattern("[2001:db8::/32]"), false},
      {pattern("[2002::/16]"), false},
      {pattern("[fc00::/7]"), false},
      {pattern("[fe80::/10]"), false},
  };
  return ranges;
}

}  // namespace

ExitPolicy ExitPolicy::parse(std::string_view text) {
  ExitPolicy policy;
  std::size_t number = 0;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    ++number;
    line = trim(line.substr(0, line.find('#')));
    if (line.empty()) continue;

    const auto fail = [&](const char* what) {
      throw std::invalid_argument("exit policy, line " + std::to_string(number) + ": " + what);
    };
    std::string_view verdict = take_word(line);
    if (verdict == "ExitPolicy") verdict = take_word(line);  // as published policies begin
    Rule rule;
    if (verdict == "accept") {
      rule.verdict = Verdict::kAccept;
    } else if (verdict != "reject") {
      fail("neither accept nor reject");
    }
    const auto parts = split_ports(line);
    if (!parts) fail("no port");
    const auto addresses = AddressPattern::parse(parts->pattern);
    const auto ports = PortRange::parse(parts->ports);
    if (!addresses) fail("bad address pattern");
    if (!ports) fail("bad port range");
    rule.addresses = *addresses;
    rule.ports = *ports;
    policy.rules_.push_back(rule);
  }
  return policy;
}

ExitPolicy ExitPolicy::open() { return parse("accept *:*"); }

std::string_view ExitPolicy::sample_text() { return kSample; }

Verdict ExitPolicy::check(const IpEndpoint& destination) const {
  for (const Rule& rule : rules_) {
    if (rule.addresses.matches(destination.address) && rule.ports.contains(destination.port)) {
      return rule.verdict;
    }
  }
  return Verdict::kReject;
}

bool is_global(const IpAddress& address) {
  for (const SpecialRange& range : special_ranges()) {
    if (range.addresses.matches(address)) return range.global;
  }
  return true;
}

}  // namespace mix::localnet
