// DNS over HTTPS on one connection: over HTTP/2 all questions at once, over HTTP/1.1 one after the
// other.
#include "https_link.h"

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <utility>

#include "support/dns_message.h"
#include "support/http2_server.h"
#include "support/stream_pair.h"

namespace mix::tunnel {
namespace {

using base::Bytes;
using base::Errc;
using test::StreamPair;

constexpr base::TimePoint kNow{};
constexpr const char* kMediaType = "application/dns-message";

/// What TLS would be: a stream that agreed on a protocol.
class Agreed final : public tls::ClientStream {
 public:
  Agreed(std::unique_ptr<net::Stream> stream, std::string alpn)
      : stream_(std::move(stream)), alpn_(std::move(alpn)) {}
  [[nodiscard]] std::string_view alpn() const override { return alpn_; }
  [[nodiscard]] std::string_view version() const override { return "TLSv1.3"; }
  [[nodiscard]] net::StreamState state() const override { return stream_->state(); }
  [[nodiscard]] std::optional<base::Error> error() const override { return stream_->error(); }
  std::size_t read(base::MutByteView out) override { return stream_->read(out); }
  [[nodiscard]] std::size_t readable() const override { return stream_->readable(); }
  [[nodiscard]] bool at_end() const override { return stream_->at_end(); }
  [[nodiscard]] base::Result<std::size_t> write(base::ByteView bytes) override {
    return stream_->write(bytes);
  }
  [[nodiscard]] std::size_t writable() const override { return stream_->writable(); }
  [[nodiscard]] std::size_t unacknowledged() const override { return stream_->unacknowledged(); }
  void shutdown() override { stream_->shutdown(); }
  void abort() override { stream_->abort(); }
  void advance(base::TimePoint now) override { stream_->advance(now); }
  [[nodiscard]] base::Deadline next_deadline() const override { return stream_->next_deadline(); }

 private:
  std::unique_ptr<net::Stream> stream_;
  const std::string alpn_;
};

http::Url resolver_url() {
  http::Url url;
  url.scheme = "https";
  url.host = "dns.example";
  url.port = 443;
  url.path = "/dns-query";
  return url;
}

/// A message with this id of which nobody here reads more.
Bytes question(std::uint16_t id, std::string_view text) {
  base::Writer out;
  out.u16be(id).fill(10, 0).bytes(base::as_bytes(text));
  return out.take();
}

class HttpsLinkTest : public testing::Test {
 protected:
  void open(const std::string& alpn) {
    link = std::make_unique<HttpsLink>(std::make_unique<Agreed>(pair.take_client(), alpn),
                                       resolver_url());
  }
  /// The replies since the last call, by id: the message, or the error's name.
  std::map<std::uint16_t, std::string> replies() {
    link->advance(kNow);
    std::map<std::uint16_t, std::string> out;
    while (auto reply = link->poll_reply()) {
      out[reply->id] = reply->message ? base::to_string(*reply->message)
                                      : std::string(base::error_name(reply->message.error().code));
    }
    return out;
  }
  static std::string text(const Bytes& message) { return base::to_string(message); }

  StreamPair pair;
  std::unique_ptr<HttpsLink> link;
};

// --- HTTP/2 -------------------------------------------------------------------------------------

class HttpsLinkOverHttp2Test : public HttpsLinkTest {
 protected:
  HttpsLinkOverHttp2Test() {
    pair.to_client().capacity = 1 << 20;
    open("h2");
  }
  /// Moves both sides until quiet.
  void turn() {
    for (int i = 0; i < 4; ++i) {
      link->advance(kNow);
      server.turn();
    }
  }
  void answer(std::int32_t stream, const Bytes& message, const std::string& status = "200") {
    server.respond(stream, {{":status", status}, {"content-type", kMediaType}}, text(message));
    turn();
  }

  test::Http2Server server{pair.server()};
};

TEST_F(HttpsLinkOverHttp2Test, AsksAllAtOnceWithoutIdsAndTakesAnyOrder) {
  link->ask(question(7, "a"), kNow);
  link->ask(question(9, "b"), kNow);
  turn();
  ASSERT_EQ(server.served.size(), 2u);
  EXPECT_EQ(server.served[1].fields[":method"], "POST");
  EXPECT_EQ(server.served[1].fields[":path"], "/dns-query");
  EXPECT_EQ(server.served[1].fields["content-type"], kMediaType);
  EXPECT_EQ(server.served[1].body, text(question(0, "a")));
  EXPECT_EQ(server.served[3].body, text(question(0, "b")));
  answer(3, question(0, "B"));
  EXPECT_EQ(replies(), (std::map<std::uint16_t, std::string>{{9, text(question(9, "B"))}}));
  answer(1, question(0, "A"));
  EXPECT_EQ(replies(), (std::map<std::uint16_t, std::string>{{7, text(question(7, "A"))}}));
  EXPECT_TRUE(link->accepts());
}

TEST_F(HttpsLinkOverHttp2Test, WaitsForTheHandshake) {
  pair.set_connected(false);
  link->ask(question(1, "a"), kNow);
  EXPECT_EQ(pair.server().readable(), 0u);
  EXPECT_TRUE(link->accepts());
  pair.set_connected(true);
  turn();
  EXPECT_EQ(server.served.size(), 1u);
}

TEST_F(HttpsLinkOverHttp2Test, OneRefusedQuestionLeavesTheOthers) {
  link->ask(question(1, "a"), kNow);
  link->ask(question(2, "b"), kNow);
  turn();
  answer(1, question(0, "busy"), "503");
  EXPECT_EQ(replies(), (std::map<std::uint16_t, std::string>{{1, "dns_server_failure"}}));
  answer(3, question(0, "B"));
  EXPECT_EQ(replies().size(), 1u);
  EXPECT_FALSE(link->end());
}

TEST_F(HttpsLinkOverHttp2Test, ForgottenQuestionsAreReset) {
  link->ask(question(1, "a"), kNow);
  turn();
  EXPECT_FALSE(link->forget(1));
  turn();
  EXPECT_EQ(server.resets.count(1), 1u);
  EXPECT_TRUE(replies().empty());
}

TEST_F(HttpsLinkOverHttp2Test, RefusesWhatIsNoMessage) {
  link->ask(question(1, "a"), kNow);
  turn();
  answer(1, Bytes{0});
  EXPECT_EQ(replies(), (std::map<std::uint16_t, std::string>{{1, "dns_malformed"}}));
  link->ask(question(2, "b"), kNow);
  turn();
  answer(3, Bytes(70000, 0));
  EXPECT_EQ(replies(), (std::map<std::uint16_t, std::string>{{2, "dns_malformed"}}));
}

TEST_F(HttpsLinkOverHttp2Test, TakesNoMoreAfterGoaway) {
  link->ask(question(1, "a"), kNow);
  turn();
  nghttp2_submit_goaway(server.session, NGHTTP2_FLAG_NONE, 1, NGHTTP2_NO_ERROR, nullptr, 0);
  turn();
  EXPECT_FALSE(link->accepts());
  answer(1, question(0, "A"));
  EXPECT_EQ(replies().size(), 1u);
}

TEST_F(HttpsLinkOverHttp2Test, EndsWithTheConnection) {
  link->ask(question(1, "a"), kNow);
  turn();
  pair.fail_client(base::Error{Errc::net_connection_reset});
  const auto failed = replies();
  EXPECT_EQ(failed, (std::map<std::uint16_t, std::string>{{1, "net_connection_reset"}}));
  link->advance(kNow);
  EXPECT_TRUE(link->end().has_value());
  EXPECT_FALSE(link->accepts());
}

// --- HTTP/1.1 -----------------------------------------------------------------------------------

class HttpsLinkOverHttp1Test : public HttpsLinkTest {
 protected:
  HttpsLinkOverHttp1Test() { open("http/1.1"); }
  std::string received() {
    link->advance(kNow);
    Bytes bytes(pair.server().readable());
    bytes.resize(pair.server().read(bytes));
    return base::to_string(bytes);
  }
  void answer(const Bytes& message, const std::string& more = "") {
    const std::string head = "HTTP/1.1 200 OK\r\nContent-Type: " + std::string(kMediaType) +
                             "\r\nContent-Length: " + std::to_string(message.size()) + "\r\n" +
                             more + "\r\n" + text(message);
    ASSERT_TRUE(pair.server().write(base::as_bytes(head)));
  }
};

TEST_F(HttpsLinkOverHttp1Test, AsksOneAfterTheOtherOnOneConnection) {
  pair.set_connected(false);
  link->ask(question(1, "first"), kNow);
  link->ask(question(2, "second"), kNow);
  pair.set_connected(true);
  std::string request = received();
  EXPECT_TRUE(request.starts_with("POST /dns-query HTTP/1.1\r\n"));
  EXPECT_TRUE(request.ends_with(text(question(0, "first"))));
  EXPECT_FALSE(link->accepts());  // others take another connection
  answer(question(0, "A"));
  EXPECT_EQ(replies(), (std::map<std::uint16_t, std::string>{{1, text(question(1, "A"))}}));
  EXPECT_TRUE(received().ends_with(text(question(0, "second"))));
  answer(question(0, "B"));
  EXPECT_EQ(replies(), (std::map<std::uint16_t, std::string>{{2, text(question(2, "B"))}}));
  EXPECT_TRUE(link->accepts());
  link->ask(question(3, "third"), kNow);
  EXPECT_TRUE(received().ends_with(text(question(0, "third"))));
}

TEST_F(HttpsLinkOverHttp1Test, EndsWhenTheServerDoesNotKeepIt) {
  link->ask(question(1, "a"), kNow);
  (void)received();
  answer(question(0, "A"), "Connection: close\r\n");
  EXPECT_EQ(replies().size(), 1u);
  EXPECT_FALSE(link->accepts());
  EXPECT_TRUE(link->end().has_value());
}

TEST_F(HttpsLinkOverHttp1Test, AForgottenAnswerStillComesFirst) {
  link->ask(question(1, "a"), kNow);
  (void)received();
  EXPECT_TRUE(link->forget(1));
  EXPECT_FALSE(link->accepts());
  answer(question(0, "A"));
  (void)replies();
  EXPECT_TRUE(link->accepts());
}

TEST_F(HttpsLinkOverHttp1Test, FailsWithTheHandshake) {
  pair.set_connected(false);
  link->ask(question(1, "a"), kNow);
  pair.fail_client(base::Error{Errc::tls_cert_expired});
  link->advance(kNow);
  ASSERT_TRUE(link->end().has_value());
  EXPECT_EQ(link->end()->code, Errc::tls_cert_expired);
}

}  // namespace
}  // namespace mix::tunnel
