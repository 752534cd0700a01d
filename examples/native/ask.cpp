// Sends one line through the mixnet, by TCP, TLS or UDP, and prints what comes back.
//
//   ask DIRECTORY tcp|tls|udp HOST PORT LINE      e.g. ask http://127.0.0.1:8000/api tcp ...
//
// The directory of the live network is https://validator.nymtech.net/api.
#include <mix/native/tunnel.h>

#include <cstdlib>
#include <iostream>
#include <string>
#include <vector>

namespace {

using mix::base::Result;
using mix::native::Tunnel;

Result<void> ask_stream(Tunnel& tunnel, const std::string& host, std::uint16_t port,
                        const std::string& line, bool with_tls) {
  mix::native::ConnectOptions options;
  if (with_tls) options.tls.emplace();
  MIX_TRY(auto stream, tunnel.connect(host, port, options));
  MIX_CHECK(stream.write(mix::base::as_bytes(line + "\n")));
  MIX_CHECK(stream.end_writing());
  std::vector<std::uint8_t> buffer(16 * 1024);
  while (true) {
    MIX_TRY(const std::size_t size, stream.read(buffer));
    if (size == 0) break;
    std::cout.write(reinterpret_cast<const char*>(buffer.data()),
                    static_cast<std::streamsize>(size));
  }
  return stream.close();
}

Result<void> ask_datagram(Tunnel& tunnel, const std::string& host, std::uint16_t port,
                          const std::string& line) {
  MIX_TRY(auto socket, tunnel.udp());
  // Datagrams get lost: ask again.
  constexpr int kAttempts = 5;
  constexpr mix::native::Timeout kPatience{10'000};
  for (int attempt = 1;; ++attempt) {
    MIX_CHECK(socket.send_to(mix::base::as_bytes(line + "\n"), host, port));
    const auto answer = socket.receive(kPatience);
    if (answer) {
      std::cout << mix::base::to_string(answer->bytes);
      return {};
    }
    if (attempt == kAttempts) return answer.error();
  }
}

Result<void> run(const std::vector<std::string>& arguments) {
  mix::native::TunnelConfig config;
  config.options.nym_api_urls = {arguments[0]};
  // A network on this machine has no certificates for its gateways.
  config.options.force_tls = arguments[0].starts_with("https:");
  MIX_TRY(auto tunnel, Tunnel::open(config));
  std::cerr << "exit " << tunnel.info()->exit << "\n";
  const auto port = static_cast<std::uint16_t>(std::atoi(arguments[3].c_str()));
  if (arguments[1] == "udp") return ask_datagram(tunnel, arguments[2], port, arguments[4]);
  return ask_stream(tunnel, arguments[2], port, arguments[4], arguments[1] == "tls");
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  if (arguments.size() != 5) {
    std::cerr << "usage: ask DIRECTORY tcp|tls|udp HOST PORT LINE\n";
    return 2;
  }
  const auto done = run(arguments);
  if (done) return 0;
  std::cerr << "ask: " << mix::base::describe(done.error()) << "\n";
  return 1;
}
