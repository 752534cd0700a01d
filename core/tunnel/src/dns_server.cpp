#include "dns_server.h"

#include "mix/http/url.h"

namespace mix::tunnel {
namespace {

using base::Errc;
using base::Error;
using dns::Transport;

constexpr std::uint16_t kDnsPort = 53;
constexpr std::uint16_t kTlsPort = 853;    // RFC 7858 §3.1
constexpr std::uint16_t kHttpsPort = 443;  // RFC 8484 §5
constexpr std::string_view kDefaultPath = "/dns-query";

std::uint16_t default_port(Transport transport) {
  if (transport == Transport::kTls) return kTlsPort;
  return transport == Transport::kHttps ? kHttpsPort : kDnsPort;
}

}  // namespace

base::Result<NamedServer> read_server(const std::string& text, Transport transport) {
  NamedServer out;
  out.server.transport = transport;
  const Error bad{Errc::dns_bad_server, 0, text};
  if (const auto endpoint = net::parse_endpoint(text, default_port(transport))) {
    out.server.endpoint = *endpoint;
    out.server.host = net::to_string(endpoint->address);
    if (transport == Transport::kHttps) out.server.path = kDefaultPath;
    return out;
  }
  if (transport == Transport::kUdp || transport == Transport::kTcp) return bad;
  // Names, with the rules of URLs for what a host may be.
  const bool is_url = text.find("://") != std::string::npos;
  if (is_url && transport != Transport::kHttps) return bad;
  const auto url = http::Url::parse(is_url ? text : "https://" + text);
  if (!url || url->scheme != "https") return bad;
  if (!is_url && url->path != "/") return bad;
  out.server.host = url->host;
  const bool has_port = !url->default_port();
  out.server.endpoint.port = has_port ? url->port : default_port(transport);
  if (transport == Transport::kHttps) {
    out.server.path = is_url ? url->path : std::string{kDefaultPath};
  }
  if (const auto address = net::parse_ip(url->host)) {
    out.server.endpoint.address = *address;
  } else {
    out.needs_lookup = true;
  }
  return out;
}

std::vector<dns::Server> own_servers(const Options& options, Transport transport) {
  std::vector<dns::Server> out;
  for (const std::string& text : {options.primary_dns, options.fallback_dns}) {
    dns::Server server;
    server.transport = transport;
    server.endpoint = net::parse_endpoint(text, kDnsPort).value();
    if (transport == Transport::kTls || transport == Transport::kHttps) {
      server.endpoint.port = default_port(transport);
      server.host = net::to_string(server.endpoint.address);
    }
    if (transport == Transport::kHttps) server.path = kDefaultPath;
    if (out.empty() || !(out.front() == server)) out.push_back(std::move(server));
  }
  return out;
}

}  // namespace mix::tunnel
