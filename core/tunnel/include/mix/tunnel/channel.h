// Channels: jobs that whoever opened them keeps talking to: DNS questions, WebSockets, TCP and UDP
// sockets. Each tells its news as ChannelEvents; after a last one (see `is_last`) it is gone.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "mix/base/bytes.h"
#include "mix/base/time.h"
#include "mix/dns/resolver.h"
#include "mix/websocket/connection.h"

namespace mix::tunnel {

// --- Requests ---

enum class DnsWhat : std::uint8_t {
  kAddresses,  // A and AAAA; IP literals come back as they are
  kRecords,    // of one type
  kReverse,    // names of an IP address
};

struct DnsRequest {
  DnsWhat what = DnsWhat::kAddresses;
  std::string name;
  std::string type;  // kRecords: "MX"
  dns::Families families = dns::Families::kBoth;
  dns::CacheUse cache = dns::CacheUse::kRead;
  dns::Transport transport = dns::Transport::kUdp;
  /// `ip[:port]`; over TLS also a name; over HTTPS also an https URL. Empty: the tunnel's two.
  std::string server;
  std::optional<base::Duration> timeout;  // none: the tunnel's dns_timeout
};

struct WebSocketRequest {
  std::string url;
  std::vector<std::string> protocols;
  std::vector<std::pair<std::string, std::string>> headers;
  std::optional<std::string> origin;
  websocket::Compression compression = websocket::Compression::kOffer;
  websocket::Config config;  // its handshake_timeout covers name, TCP and TLS, too
};

struct TlsRequest {
  std::string server_name;  // empty: the host
  std::vector<std::string> alpn;
};

struct TcpRequest {
  std::string host;  // name or IP literal
  std::uint16_t port = 0;
  std::optional<TlsRequest> tls;
  base::Duration timeout = std::chrono::seconds{60};  // name, TCP and TLS together
};

struct UdpRequest {};

using ChannelRequest = std::variant<DnsRequest, WebSocketRequest, TcpRequest, UdpRequest>;

// --- Commands; a kind that does not fit the channel is `usage_stale_handle` ---

struct SendMessage {
  websocket::MessageKind kind;
  base::Bytes bytes;
};
struct SendPing {
  base::Bytes payload;
};
struct CloseWebSocket {
  std::optional<std::uint16_t> code;
  std::string reason;
};
struct WriteBytes {
  base::Bytes bytes;
};
struct SendDatagram {
  base::Bytes bytes;
  std::string host;
  std::uint16_t port;
};
struct StartTls {
  TlsRequest tls;
};
/// Ends our direction after what was written.
struct EndWriting {};
/// Ends both directions in order.
struct CloseSocket {};
/// The reader took a message or datagram of that many bytes, or so many of the stream.
struct ChannelConsumed {
  std::size_t bytes;
};
using ChannelCommand = std::variant<SendMessage, SendPing, CloseWebSocket, WriteBytes, SendDatagram,
                                    StartTls, EndWriting, CloseSocket, ChannelConsumed>;

// --- Events ---

struct DnsAddress {
  std::string text;
  int family = 4;  // 4 or 6
  base::Duration ttl{};
};
struct DnsAddresses {
  std::vector<DnsAddress> addresses;  // A first, then AAAA; never empty
};
struct DnsRecords {
  dns::Answer answer;
};
struct SocketOpened {
  std::string address;
  std::uint16_t port = 0;
  std::string alpn;  // empty: none agreed, or no TLS
};
struct SocketBytes {
  base::Bytes bytes;
};
struct SocketSent {
  std::size_t size;
};
/// The peer ended its direction; all bytes before came already.
struct SocketEnded {};
struct DatagramReceived {
  base::Bytes bytes;
  std::string address;
  std::uint16_t port;
};
/// Both directions ended in order.
struct SocketClosed {};
struct ChannelFailed {
  base::Error error;
};

using ChannelNews =
    std::variant<DnsAddresses, DnsRecords, websocket::Opened, websocket::Message, websocket::Sent,
                 websocket::PongReceived, websocket::Closed, SocketOpened, SocketBytes, SocketSent,
                 SocketEnded, DatagramReceived, SocketClosed, ChannelFailed>;

/// Nothing of the channel follows after such news.
[[nodiscard]] bool is_last(const ChannelNews& news);

}  // namespace mix::tunnel
