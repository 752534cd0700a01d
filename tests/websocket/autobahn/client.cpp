// Echoes through mix::websocket what Autobahn's fuzzing server sends, case after case, over a plain
// loopback socket: `mix-autobahn-client PORT`. The verdicts are the server's (tools/autobahn.mjs).
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>

#include "mix/crypto/system_rng.h"
#include "mix/websocket/connection.h"
#include "support/socket_stream.h"

namespace mix::websocket {
namespace {

using namespace std::chrono_literals;

constexpr const char* kAgent = "mixweb";
constexpr int kLongestWaitMs = 100;

base::TimePoint now() {
  return base::TimePoint{std::chrono::steady_clock::now().time_since_epoch()};
}

struct Outcome {
  std::string last_message;
  Closed closed;
};

/// One connection, until it is closed; every message goes back as it came.
Outcome run(std::uint16_t port, const std::string& path, base::Rng& rng) {
  test::SocketStream stream(port);
  HandshakeRequest request;
  request.authority = "127.0.0.1:" + std::to_string(port);
  request.path = path;
  Connection connection(stream, std::move(request), Config{}, rng, now());
  Outcome outcome;
  while (true) {
    stream.advance(now());
    bool moved = connection.advance(now());
    while (auto event = connection.poll_event()) {
      moved = true;
      if (auto* message = std::get_if<Message>(&*event)) {
        outcome.last_message = base::to_string(message->bytes);
        (void)connection.send(message->kind, message->bytes);
        connection.consumed(message->bytes.size());
      } else if (auto* closed = std::get_if<Closed>(&*event)) {
        outcome.closed = std::move(*closed);
      }
    }
    if (connection.done()) return outcome;
    if (!moved) stream.wait(kLongestWaitMs);
  }
}

int run_all(std::uint16_t port) {
  crypto::SystemRng rng;
  const Outcome count = run(port, "/getCaseCount", rng);
  const int num_cases = std::atoi(count.last_message.c_str());
  if (num_cases <= 0) {
    std::fprintf(stderr, "no fuzzing server on port %d\n", port);
    return 1;
  }
  for (int i = 1; i <= num_cases; ++i) {
    (void)run(port, "/runCase?case=" + std::to_string(i) + "&agent=" + kAgent, rng);
    if (i % 50 == 0) std::fprintf(stderr, "%d of %d cases\n", i, num_cases);
  }
  (void)run(port, std::string{"/updateReports?agent="} + kAgent, rng);
  return 0;
}

}  // namespace
}  // namespace mix::websocket

int main(int argc, char** argv) {
  const int port = argc == 2 ? std::atoi(argv[1]) : 0;
  if (port <= 0 || port > 0xffff) {
    std::fprintf(stderr, "usage: mix-autobahn-client PORT\n");
    return 2;
  }
  return mix::websocket::run_all(static_cast<std::uint16_t>(port));
}
