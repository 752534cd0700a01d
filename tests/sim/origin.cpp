// The servers of the simulated Internet.
#include "origin.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <string_view>
#include <utility>

#include "peer_stream.h"
#include "support/dns_message.h"

namespace mix::sim {
namespace {

constexpr std::uint16_t kHttp = 80, kHttps = 443, kDns = 53;

std::optional<std::size_t> parse_size(std::string_view text) {
  std::size_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::string lower(std::string_view text) {
  std::string out{text};
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + ('a' - 'A'));
  }
  return out;
}

std::size_t content_length(std::string_view head) {
  constexpr std::string_view kField = "\r\ncontent-length:";
  const std::string text = lower(head);
  const std::size_t at = text.find(kField);
  if (at == std::string::npos) return 0;
  std::string_view value = std::string_view(text).substr(at + kField.size());
  value = value.substr(0, value.find('\r'));
  while (value.starts_with(' ')) value.remove_prefix(1);
  return parse_size(value).value_or(0);
}

void respond(base::Bytes& out, std::string_view status, base::ByteView body) {
  const std::string head = "HTTP/1.1 " + std::string(status) +
                           "\r\nContent-Type: application/octet-stream\r\nContent-Length: " +
                           std::to_string(body.size()) + "\r\n\r\n";
  base::append(out, base::as_bytes(head));
  base::append(out, body);
}

}  // namespace

base::Bytes pattern(std::size_t size) {
  base::Bytes out(size);
  std::uint32_t state = 0x9e3779b9;
  for (std::uint8_t& byte : out) {
    state = state * 1664525u + 1013904223u;
    byte = static_cast<std::uint8_t>(state >> 24);
  }
  return out;
}

// --- Origin ---

Origin::Origin(test::Internet& internet, RackTcp* rack_tcp, test::Identity identity,
               const base::Clock& clock, base::Rng& rng)
    : internet_(internet), rack_tcp_(rack_tcp), clock_(clock), rng_(rng) {
  listen(kHttp, std::nullopt);
  listen(kHttps, std::move(identity));
}

void Origin::listen(std::uint16_t port, std::optional<test::Identity> identity) {
  if (rack_tcp_ != nullptr) {
    rack_tcp_->listen(port);
  } else {
    internet_.listen(port);
  }
  ports_.insert_or_assign(port, std::move(identity));
}

std::optional<RackTcp::Accepted> Origin::accept_stream(std::uint16_t port) {
  if (rack_tcp_ != nullptr) return rack_tcp_->accept(port);
  const auto client = internet_.accept(port);
  if (!client) return std::nullopt;
  return RackTcp::Accepted{client->remote,
                           std::make_unique<PeerStream>(internet_, client->connection)};
}

bool Origin::accept(std::uint16_t port, const std::optional<test::Identity>& identity) {
  bool moved = false;
  while (auto client = accept_stream(port)) {
    moved = true;
    ++accepted_;
    auto connection = std::make_unique<Connection>();
    connection->client = client->remote;
    connection->stream = std::move(client->stream);
    if (identity) {
      test::TlsServerOptions options;
      options.identity = *identity;
      options.alpn = {"http/1.1"};
      options.min_version = test::TlsVersion::k13;
      connection->stream =
          test::accept_tls(std::move(connection->stream), std::move(options), clock_, rng_);
    }
    connections_.push_back(std::move(connection));
  }
  return moved;
}

bool Origin::advance(base::TimePoint now) {
  bool moved = false;
  for (const auto& [port, identity] : ports_) moved |= accept(port, identity);
  for (const auto& connection : connections_) moved |= serve(*connection, now);
  std::erase_if(connections_, [](const auto& connection) {
    const net::StreamState state = connection->stream->state();
    return state == net::StreamState::kClosed || state == net::StreamState::kFailed;
  });
  return moved;
}

bool Origin::serve(Connection& connection, base::TimePoint now) {
  bool moved = false;
  connection.stream->advance(now);
  std::array<std::uint8_t, 4096> buffer{};
  while (const std::size_t size = connection.stream->read(buffer)) {
    moved = true;
    connection.in.append(base::as_text(base::ByteView{buffer}.first(size)));
  }
  while (!connection.ends && answer_one(connection)) moved = true;
  while (connection.written < connection.out.size()) {
    const auto took =
        connection.stream->write(base::ByteView(connection.out).subspan(connection.written));
    if (!took || *took == 0) break;
    moved = true;
    connection.written += *took;
  }
  if (connection.written == connection.out.size()) {
    connection.out.clear();
    connection.written = 0;
    if ((connection.stream->at_end() || connection.ends) && !connection.ended) {
      connection.ended = moved = true;
      connection.stream->shutdown();
    }
  }
  connection.stream->advance(now);
  return moved;
}

bool Origin::answer_one(Connection& connection) {
  const std::size_t end = connection.in.find("\r\n\r\n");
  if (end == std::string::npos) return false;
  const std::string head = connection.in.substr(0, end + 2);
  const std::size_t body_size = content_length(head);
  if (connection.in.size() < end + 4 + body_size) return false;
  const std::string body = connection.in.substr(end + 4, body_size);
  connection.in.erase(0, end + 4 + body_size);

  const std::size_t first = head.find(' ');
  const std::size_t second = head.find(' ', first + 1);
  Served served{head.substr(0, first), head.substr(first + 1, second - first - 1),
                connection.client};
  const std::string_view target = served.target;
  const auto sized = [target](std::string_view prefix) {
    return target.starts_with(prefix) ? parse_size(target.substr(prefix.size())) : std::nullopt;
  };
  if (served.method == "POST" && target == "/echo") {
    respond(connection.out, "200 OK", base::as_bytes(body));
  } else if (const auto size = sized("/bytes/")) {
    respond(connection.out, "200 OK", pattern(*size));
  } else if (const auto onward = sized("/redirect/")) {
    base::append(connection.out,
                 base::as_bytes("HTTP/1.1 302 Found\r\nLocation: /bytes/" +
                                std::to_string(*onward) + "\r\nContent-Length: 0\r\n\r\n"));
  } else if (const auto open = sized("/redirect-open/")) {
    base::append(connection.out,
                 base::as_bytes("HTTP/1.1 302 Found\r\nLocation: /bytes/" + std::to_string(*open) +
                                "\r\nContent-Length: 100\r\n\r\npart"));
  } else if (target == "/truncated") {
    base::append(connection.out, base::as_bytes("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"));
    base::append(connection.out, pattern(100));
    connection.ends = true;
  } else if (target == "/closed") {
    connection.ends = true;
  } else if (target != "/silent") {
    respond(connection.out, "404 Not Found", {});
  }
  served_.push_back(std::move(served));
  return true;
}

// --- NameServer ---

NameServer::NameServer(test::Internet& internet) : internet_(internet) { internet_.bind_udp(kDns); }

void NameServer::add(const std::string& name, const std::string& address) {
  table_.emplace(name, address);
}

bool NameServer::advance() {
  bool moved = false;
  while (const auto datagram = internet_.receive_udp(kDns)) {
    moved = true;
    ++asked_;
    const test::DnsQuery query = test::read_dns_query(datagram->payload);
    test::DnsAnswer answer(query);
    constexpr std::uint16_t kNameError = 3;
    if (!table_.contains(query.name)) answer.code(kNameError);
    const auto [first, last] = table_.equal_range(query.name);
    for (auto entry = first; entry != last; ++entry) {
      const bool is_v6 = entry->second.find(':') != std::string::npos;
      if (query.type == (is_v6 ? test::kTypeAaaa : test::kTypeA)) answer.address(entry->second);
    }
    internet_.send_udp(datagram->local, datagram->remote, answer.bytes());
  }
  return moved;
}

}  // namespace mix::sim
