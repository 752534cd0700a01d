#include "resolver_links.h"

#include "https_link.h"
#include "mix/dns/constants.h"

namespace mix::tunnel {

base::Result<std::unique_ptr<dns::Link>> ResolverLinks::open(const dns::Server& server,
                                                             base::TimePoint now) {
  net::TcpOptions tcp;
  tcp.connect_timeout = dns::kTcpTimeout;
  tcp.keepalive = base::Duration::zero();
  MIX_TRY(auto plain, stack_.connect(server.endpoint, tcp, now));
  tls::ClientOptions options;
  options.host = server.host;
  options.handshake_timeout = dns::kTcpTimeout;
  const bool is_https = server.transport == dns::Transport::kHttps;
  if (is_https) {
    options.alpn = {"h2", "http/1.1"};
  } else {
    options.alpn = {"dot"};  // RFC 7858 §3.1, IANA
  }
  auto secure = tls::connect(std::move(plain), std::move(options), trust_, clock_, rng_, now);
  if (!is_https) return dns::link_over(std::move(secure));
  http::Url url;
  url.scheme = "https";
  url.host = server.host;
  url.port = server.endpoint.port;
  url.path = server.path;
  return std::unique_ptr<dns::Link>(std::make_unique<HttpsLink>(std::move(secure), std::move(url)));
}

}  // namespace mix::tunnel
