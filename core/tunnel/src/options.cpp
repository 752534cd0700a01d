#include "mix/tunnel/options.h"

#include "mix/crypto/keys.h"
#include "mix/http/url.h"
#include "mix/mixnet/address.h"
#include "mix/net/address.h"
#include "mix/tls/client.h"

namespace mix::tunnel {
namespace {

using base::Errc;
using base::Error;

constexpr std::uint16_t kDnsPort = 53;
constexpr std::uint16_t kMinMtu = 1280, kMaxMtu = 1500;  // spec: ipr §7.5
constexpr std::size_t kMinTcpBuffer = 4096, kMaxTcpBuffer = 16 * 1024 * 1024;
constexpr std::uint32_t kMaxSurbs = 500;  // what one peer stores at most; spec: messages §11.3

Error bad_option(std::string what) { return {Errc::config_bad_option, 0, std::move(what)}; }

bool is_http_url(const std::string& url) {
  const auto parsed = http::Url::parse(url);
  return parsed && (parsed->scheme == "http" || parsed->scheme == "https");
}

}  // namespace

base::Result<void> validate(const Options& options) {
  if (options.nym_api_urls.empty()) return bad_option("nymApiUrl: at least one URL is needed");
  for (const std::string& url : options.nym_api_urls) {
    if (!is_http_url(url)) return bad_option("nymApiUrl: expected an http(s) URL, got " + url);
  }
  if (options.preferred_ipr && !mixnet::Recipient::parse(*options.preferred_ipr)) {
    return Error{Errc::config_bad_ipr_address, 0, *options.preferred_ipr};
  }
  if (options.preferred_gateway && !crypto::parse_ed25519(*options.preferred_gateway)) {
    return Error{Errc::config_bad_gateway_identity, 0, *options.preferred_gateway};
  }
  if (!net::parse_endpoint(options.primary_dns, kDnsPort)) {
    return bad_option("primaryDns: expected ip:port, got " + options.primary_dns);
  }
  if (!net::parse_endpoint(options.fallback_dns, kDnsPort)) {
    return bad_option("fallbackDns: expected ip:port, got " + options.fallback_dns);
  }
  if (options.open_reply_surbs > kMaxSurbs) return bad_option("openReplySurbs: at most 500");
  if (options.data_reply_surbs > kMaxSurbs) return bad_option("dataReplySurbs: at most 500");
  if (options.connect_timeout <= base::Duration::zero()) {
    return bad_option("connectTimeoutMs: must be positive");
  }
  if (options.dns_timeout <= base::Duration::zero()) {
    return bad_option("dnsTimeoutMs: must be positive");
  }
  if (options.tcp_keepalive < base::Duration::zero()) {
    return bad_option("tcpKeepaliveMs: must not be negative");
  }
  if (options.tcp_buffer_size < kMinTcpBuffer || options.tcp_buffer_size > kMaxTcpBuffer) {
    return bad_option("tcpBufferSize: expected 4096 to 16777216 bytes");
  }
  if (options.max_mtu && (*options.max_mtu < kMinMtu || *options.max_mtu > kMaxMtu)) {
    return bad_option("mtu: expected 1280 to 1500");
  }
  if (!options.extra_roots.empty()) {
    if (auto trust = tls::TrustStore::with_extra(options.extra_roots); !trust) return trust.error();
  }
  return {};
}

}  // namespace mix::tunnel
