// A client and a server over an in-memory transport, driven until nothing moves.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "mix/tls/client.h"
#include "support/manual_clock.h"
#include "support/seeded_rng.h"
#include "support/stream_pair.h"
#include "support/tls/test_ca.h"
#include "support/tls/tls_server.h"

namespace mix::test {

inline constexpr const char* kHost = "www.example.test";

/// What every test of a suite shares: making keys takes time.
struct TlsWorld {
  ManualClock clock;
  SeededRng rng{1};
  TestCa ca{rng, "CN=Test Root"};
  std::shared_ptr<tls::TrustStore> trust = trust_in(ca);

  static std::shared_ptr<tls::TrustStore> trust_in(const TestCa& root) {
    auto store = tls::TrustStore::with_extra(root.pem());
    EXPECT_TRUE(store.has_value());
    return *store;
  }
};

class TlsLink {
 public:
  TlsLink(TlsWorld& world, TlsServerOptions server_options, tls::ClientOptions client_options)
      : world_(world), client_options_(std::move(client_options)) {
    server = accept_tls(pair.take_server(), std::move(server_options), world.clock, world.rng);
  }
  TlsLink(TlsWorld& world, Identity identity)
      : TlsLink(world, TlsServerOptions{.identity = std::move(identity)}, {.host = kHost}) {}

  /// Makes the client and runs until nothing moves. The transport may be set up before.
  void connect() {
    client = tls::connect(pair.take_client(), client_options_, world_.trust, world_.clock,
                          world_.rng, world_.clock.now());
    settle();
  }
  /// Advances both ends until no byte moves any more.
  void settle() {
    std::uint64_t before = 0;
    do {
      before = moved();
      server->advance(world_.clock.now());
      if (client) client->advance(world_.clock.now());
    } while (moved() != before);
  }
  /// Everything the stream gives now and while advancing.
  std::string read_all(net::Stream& stream) {
    std::string out;
    std::array<std::uint8_t, 4096> buffer{};
    while (true) {
      settle();
      const std::size_t n = stream.read(buffer);
      if (n == 0) return out;
      out.append(base::as_text(base::ByteView{buffer}.first(n)));
    }
  }
  [[nodiscard]] base::Errc client_error() const {
    const auto error = client->error();
    return error ? error->code : base::Errc{};
  }

  StreamPair pair;
  std::unique_ptr<TlsServerStream> server;
  std::unique_ptr<tls::ClientStream> client;

 private:
  [[nodiscard]] std::uint64_t moved() {
    const Pipe& up = pair.to_server();
    const Pipe& down = pair.to_client();
    return up.total_written * 2 - up.buffer.size() + down.total_written * 2 - down.buffer.size();
  }

  TlsWorld& world_;
  tls::ClientOptions client_options_;
};

}  // namespace mix::test
