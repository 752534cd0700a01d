// Interoperation with another implementation: what mbedTLS' own server cannot show.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/wait.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "mix/crypto/system_rng.h"
#include "mix/tls/client.h"
#include "support/manual_clock.h"
#include "support/socket_stream.h"
#include "support/tls/test_ca.h"

namespace mix::test {
namespace {

using base::Errc;
using net::StreamState;

/// A child process with its standard input and output.
class OpensslServer {
 public:
  explicit OpensslServer(const Identity& identity, std::vector<std::string> options) {
    std::string name = testing::TempDir() + "mix-tls-XXXXXX";
    EXPECT_NE(::mkdtemp(name.data()), nullptr);
    directory_ = name;
    std::string chain;
    for (const base::Bytes& der : identity.chain) chain += to_pem(der);
    save("/chain.pem", chain);
    save("/key.pem", to_pem(*identity.key));

    std::vector<std::string> words = {MIX_OPENSSL,   "s_server",
                                      "-accept",     "127.0.0.1:0",
                                      "-cert",       directory_ + "/chain.pem",
                                      "-cert_chain", directory_ + "/chain.pem",
                                      "-key",        directory_ + "/key.pem"};
    words.insert(words.end(), options.begin(), options.end());
    std::vector<char*> arguments;
    arguments.reserve(words.size() + 1);
    for (std::string& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);

    std::array<int, 2> to{};
    std::array<int, 2> from{};
    EXPECT_EQ(::pipe(to.data()), 0);
    EXPECT_EQ(::pipe(from.data()), 0);
    process_ = ::fork();
    if (process_ == 0) {
      ::dup2(to[0], STDIN_FILENO);
      ::dup2(from[1], STDOUT_FILENO);
      ::close(to[1]);
      ::close(from[0]);
      ::execv(arguments[0], arguments.data());
      ::_exit(127);
    }
    ::close(to[0]);
    ::close(from[1]);
    input_ = to[1];
    output_ = ::fdopen(from[0], "r");

    // "ACCEPT 127.0.0.1:45369"
    std::array<char, 256> line{};
    while (std::fgets(line.data(), line.size(), output_) != nullptr) {
      const std::string text = line.data();
      if (!text.starts_with("ACCEPT")) continue;
      port = static_cast<std::uint16_t>(std::atoi(text.substr(text.rfind(':') + 1).c_str()));
      break;
    }
    EXPECT_NE(port, 0);
  }
  ~OpensslServer() {
    ::kill(process_, SIGKILL);
    ::waitpid(process_, nullptr, 0);
    ::close(input_);
    std::fclose(output_);
    for (const char* file : {"/chain.pem", "/key.pem"}) std::remove((directory_ + file).c_str());
    ::rmdir(directory_.c_str());
  }
  OpensslServer(const OpensslServer&) = delete;
  OpensslServer& operator=(const OpensslServer&) = delete;

  /// What s_server reads from its terminal: data to send, or a command letter alone on a line.
  /// It looks for commands at the start of each read only, so this returns once it has read.
  void type(const std::string& text) const {
    EXPECT_EQ(::write(input_, text.data(), text.size()), static_cast<ssize_t>(text.size()));
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds{10};
    int unread = 1;
    while (unread > 0 && std::chrono::steady_clock::now() < deadline) {
      ASSERT_EQ(::ioctl(input_, FIONREAD, &unread), 0);
      std::this_thread::yield();
    }
    EXPECT_EQ(unread, 0) << "s_server reads nothing";
  }

  std::uint16_t port = 0;

 private:
  void save(const char* file, const std::string& text) const {
    std::FILE* out = std::fopen((directory_ + file).c_str(), "w");
    ASSERT_NE(out, nullptr);
    EXPECT_EQ(std::fwrite(text.data(), 1, text.size(), out), text.size());
    std::fclose(out);
  }

  std::string directory_;
  pid_t process_ = 0;
  int input_ = -1;
  std::FILE* output_ = nullptr;
};

class Openssl : public testing::Test {
 protected:
  Identity identity(KeyKind key) {
    CertificateSpec spec;
    spec.dns_names = {"localhost"};
    spec.key = key;
    return ca.issue(spec);
  }
  void connect(const OpensslServer& server, tls::ClientOptions options = {.host = "localhost"}) {
    auto socket = std::make_unique<SocketStream>(server.port);
    transport_ = socket.get();
    auto trust = tls::TrustStore::with_extra(ca.pem());
    ASSERT_TRUE(trust.has_value());
    client = tls::connect(std::move(socket), std::move(options), *trust, clock, rng, clock.now());
    run([&] { return client->state() != StreamState::kConnecting; });
  }
  /// Turns until `done`, at most some seconds of waiting for the other process.
  template <class Done>
  bool run(Done done) {
    for (int i = 0; i < 500; ++i) {
      client->advance(clock.now());
      if (done()) return true;
      transport_->wait(20);
    }
    return false;
  }
  std::string read(std::size_t size) {
    std::string got;
    run([&] {
      std::array<std::uint8_t, 4096> buffer{};
      const std::size_t n = client->read(buffer);
      got += base::as_text(base::ByteView{buffer}.first(n));
      return got.size() >= size || client->error() || client->at_end();
    });
    return got;
  }
  std::string failure() const {
    return client->error() ? base::describe(*client->error()) : std::string{"no error"};
  }

  ManualClock clock;
  crypto::SystemRng rng;
  TestCa ca{rng, "CN=Interop Root"};
  std::unique_ptr<tls::ClientStream> client;

 private:
  SocketStream* transport_ = nullptr;
};

struct Case {
  const char* name;
  KeyKind key;
  std::vector<std::string> options;
  const char* version;
};

class OpensslHandshake : public Openssl, public testing::WithParamInterface<Case> {};

TEST_P(OpensslHandshake, CarriesData) {
  std::vector<std::string> options = GetParam().options;
  options.insert(options.end(), {"-alpn", "http/1.1", "-rev"});
  const OpensslServer server{identity(GetParam().key), options};
  connect(server, {.host = "localhost", .alpn = {"h2", "http/1.1"}});
  ASSERT_EQ(client->state(), StreamState::kOpen) << failure();
  EXPECT_EQ(client->version(), GetParam().version);
  EXPECT_EQ(client->alpn(), "http/1.1");
  // -rev answers each line with its bytes reversed.
  ASSERT_TRUE(client->write(base::as_bytes("sphinx\n")).has_value());
  EXPECT_EQ(read(7), "xnihps\n");
}

INSTANTIATE_TEST_SUITE_P(
    Tls, OpensslHandshake,
    testing::Values(
        Case{"Tls13Ecdsa", KeyKind::kP256, {}, "TLSv1.3"},
        Case{"Tls13Rsa", KeyKind::kRsa2048, {}, "TLSv1.3"},
        Case{"Tls13HelloRetry", KeyKind::kP384, {"-groups", "P-384"}, "TLSv1.3"},
        Case{"Tls12Ecdsa", KeyKind::kP384, {"-tls1_2"}, "TLSv1.2"},
        // Signs the key exchange with RSA-PSS, which was offered for TLS 1.3.
        Case{"Tls12RsaPss", KeyKind::kRsa2048, {"-tls1_2"}, "TLSv1.2"},
        Case{"Tls12RsaPkcs1", KeyKind::kRsa2048, {"-tls1_2", "-sigalgs", "RSA+SHA256"}, "TLSv1.2"},
        Case{"Tls12Aes",
             KeyKind::kP256,
             {"-tls1_2", "-cipher", "ECDHE-ECDSA-AES256-GCM-SHA384", "-groups", "P-256"},
             "TLSv1.2"}),
    [](const auto& info) { return std::string{info.param.name}; });

TEST_F(Openssl, WithoutACommonCipherEndsWithItsAlert) {
  const OpensslServer server{identity(KeyKind::kRsa2048), {"-tls1_2", "-cipher", "AES128-SHA"}};
  connect(server);
  ASSERT_EQ(client->state(), StreamState::kFailed);
  EXPECT_EQ(client->error()->code, Errc::tls_alert) << failure();
  EXPECT_EQ(client->error()->detail, 40U);  // handshake_failure, RFC 8446 §6.2
}

TEST_F(Openssl, GetsAnAlertOnABadCertificate) {
  const TestCa stranger{rng, "CN=Stranger"};
  const OpensslServer server{stranger.issue_for("localhost"), {}};
  connect(server);
  ASSERT_EQ(client->state(), StreamState::kFailed);
  EXPECT_EQ(client->error()->code, Errc::tls_cert_unknown_ca) << failure();
}

TEST_F(Openssl, UpdatesItsKeysAndOurs) {
  const OpensslServer server{identity(KeyKind::kP256), {}};
  connect(server);
  ASSERT_EQ(client->state(), StreamState::kOpen) << failure();
  server.type("one\n");
  EXPECT_EQ(read(4), "one\n");
  server.type("K\n");  // new keys, ours too
  server.type("two\n");
  EXPECT_EQ(read(4), "two\n");
  server.type("k\n");  // new keys, its own only
  server.type("three\n");
  EXPECT_EQ(read(6), "three\n");
  EXPECT_EQ(client->state(), StreamState::kOpen) << failure();
}

TEST_F(Openssl, TellsOfItsEnd) {
  const OpensslServer server{identity(KeyKind::kP256), {"-www"}};
  connect(server);
  ASSERT_EQ(client->state(), StreamState::kOpen) << failure();
  ASSERT_TRUE(client->write(base::as_bytes("GET / HTTP/1.0\r\n\r\n")).has_value());
  const std::string page = read(1 << 20);
  EXPECT_TRUE(page.starts_with("HTTP/1.0 200 ok"));
  EXPECT_TRUE(client->at_end()) << failure();
  client->shutdown();
  EXPECT_EQ(client->state(), StreamState::kClosed);
}

}  // namespace
}  // namespace mix::test
