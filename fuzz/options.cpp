// Texts of options: addresses, resolvers, pins, roots, and the record of stored keys.
#include "mix/tunnel/options.h"

#include "core/tunnel/src/dns_server.h"
#include "mix/tunnel/key_store.h"
#include "support/target.h"

using namespace mix;

MIX_FUZZ(options) {
  fuzz::Parts parts(input);
  const std::uint8_t which = parts.u8();
  const base::ByteView rest = parts.rest();
  const std::string text = base::to_string(rest);
  if (const auto endpoint = net::parse_endpoint(text, 53)) {
    const auto again = net::parse_endpoint(net::to_string(*endpoint), 0);
    fuzz::require(again && *again == *endpoint, "an endpoint changed");
  }
  if (const auto address = net::parse_ip(text)) {
    const auto again = net::parse_ip(net::to_string(*address));
    fuzz::require(again && *again == *address, "an address changed");
  }
  for (const auto transport :
       {dns::Transport::kUdp, dns::Transport::kTcp, dns::Transport::kTls, dns::Transport::kHttps}) {
    (void)tunnel::read_server(text, transport);
  }
  tunnel::Options options;
  options.nym_api_urls = {"https://a.example/api"};
  switch (which % 6) {
    case 0:
      options.nym_api_urls = {text};
      break;
    case 1:
      options.preferred_ipr = text;
      break;
    case 2:
      options.preferred_gateway = text;
      break;
    case 3:
      options.primary_dns = text;
      break;
    case 4:
      options.extra_roots = text;
      break;
    default:
      break;
  }
  (void)tunnel::validate(options);
  (void)tunnel::KeyVault{{}}.open(rest);
}
