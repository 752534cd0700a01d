// Records the server's part of a download over TLS 1.3: a real mbedTLS server and the same client
// as in the benchmark, over an in-memory stream.
//   mix-record-tls chacha20|aes128 BODY_BYTES FILE
#include <mbedtls/ssl_ciphersuites.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <span>
#include <string>
#include <vector>

#include "mix/base/panic.h"
#include "mix/http/decoding.h"
#include "mix/http/http1.h"
#include "mix/tls/client.h"
#include "script.h"
#include "support/manual_clock.h"
#include "support/seeded_rng.h"
#include "support/stream_pair.h"
#include "support/tls/tls_server.h"

namespace mix::bench {
namespace {

Script record(int suite, std::uint32_t body_size) {
  const test::ManualClock clock;
  test::SeededRng server_rng{2}, client_rng{kClientSeed};
  const test::TestCa ca{server_rng, "CN=Benchmark Root"};
  Script out;
  out.root_pem = ca.pem();
  out.body_size = body_size;

  test::StreamPair pair;
  pair.to_client().capacity = test::kUnlimited;
  pair.to_client().keep_history = true;
  const auto server = test::accept_tls(pair.take_server(),
                                       {.identity = ca.issue_for(kHost),
                                        .alpn = {"http/1.1"},
                                        .min_version = test::TlsVersion::k13,
                                        .ciphersuites = {suite, 0}},
                                       clock, server_rng);
  const auto client = tls::connect(pair.take_client(), {.host = kHost, .alpn = {"http/1.1"}},
                                   tls::TrustStore::with_extra(out.root_pem).value(), clock,
                                   client_rng, clock.now());
  client->advance(clock.now());
  out.hello_size = pair.to_server().total_written;
  while (client->state() == net::StreamState::kConnecting) {
    server->advance(clock.now());
    client->advance(clock.now());
  }
  server->advance(clock.now());
  out.flight = std::exchange(pair.to_client().history, {});

  http::Request request;
  request.url = http::Url::parse(request_url("https")).value();
  http::add_default_headers(request.headers, http::kAcceptEncoding);
  const std::size_t request_size = http::encode_head(request).size();
  http::Http1Exchange exchange{*client, std::move(request), http::Limits{}};
  std::array<std::uint8_t, 4096> buffer{};
  for (std::size_t got = 0; got < request_size;) {
    if (!exchange.advance(0)) base::panic("record: the request failed");
    got += server->read(buffer);
  }
  out.request_end = pair.to_server().total_written;

  base::Bytes response = base::to_bytes(base::as_bytes(response_head(body_size)));
  base::append(response, make_body(body_size));
  for (base::ByteView rest = response; !rest.empty();) {
    const std::size_t taken = server->write(rest).value();
    if (taken == 0) base::panic("record: the server does not write");
    rest = rest.subspan(taken);
  }
  out.response = std::move(pair.to_client().history);
  return out;
}

int main_program(const std::vector<std::string>& args) {
  const std::string suite = args.size() == 4 ? args[1] : "";
  const int number = suite == "chacha20" ? MBEDTLS_TLS1_3_CHACHA20_POLY1305_SHA256
                     : suite == "aes128" ? MBEDTLS_TLS1_3_AES_128_GCM_SHA256
                                         : 0;
  if (number == 0) {
    std::fputs("usage: mix-record-tls chacha20|aes128 BODY_BYTES FILE\n", stderr);
    return 2;
  }
  const auto body_size = static_cast<std::uint32_t>(std::stoul(args[2]));
  const base::Bytes bytes = record(number, body_size).encode();
  std::ofstream file{args[3], std::ios::binary};
  std::copy(bytes.begin(), bytes.end(), std::ostreambuf_iterator<char>{file});
  return file.good() ? 0 : 1;
}

}  // namespace
}  // namespace mix::bench

int main(int argc, char** argv) {
  const std::span given{argv, static_cast<std::size_t>(argc)};
  return mix::bench::main_program({given.begin(), given.end()});
}
