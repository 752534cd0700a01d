#include "channel_values.h"

#include <string>
#include <utility>
#include <vector>

#include "values.h"

namespace mix::wasm {
namespace {

using emscripten::val;

// --- in ---

std::vector<std::string> strings_from_js(const val& list) {
  std::vector<std::string> out;
  for (unsigned i = 0; i < list["length"].as<unsigned>(); ++i) {
    out.push_back(list[i].as<std::string>());
  }
  return out;
}

tunnel::DnsRequest dns_from_js(const val& js) {
  tunnel::DnsRequest out;
  const auto what = js["what"].as<std::string>();
  if (what == "records") out.what = tunnel::DnsWhat::kRecords;
  if (what == "reverse") out.what = tunnel::DnsWhat::kReverse;
  out.name = js["name"].as<std::string>();
  if_given<std::string>(js, "type", [&](auto v) { out.type = v; });
  if_given<unsigned>(js, "family", [&](auto v) {
    out.families = v == 4 ? dns::Families::kIpv4 : dns::Families::kIpv6;
  });
  if_given<bool>(js, "noCache",
                 [&](auto v) { out.cache = v ? dns::CacheUse::kIgnore : dns::CacheUse::kRead; });
  if_given<std::string>(js, "transport", [&](const std::string& v) {
    if (v == "tcp") out.transport = dns::Transport::kTcp;
    if (v == "tls") out.transport = dns::Transport::kTls;
    if (v == "https") out.transport = dns::Transport::kHttps;
  });
  if_given<std::string>(js, "server", [&](auto v) { out.server = v; });
  if_given<double>(js, "timeoutMs", [&](auto v) { out.timeout = milliseconds(v); });
  return out;
}

tunnel::WebSocketRequest web_socket_from_js(const val& js) {
  tunnel::WebSocketRequest out;
  out.url = js["url"].as<std::string>();
  out.protocols = strings_from_js(js["protocols"]);
  const val headers = js["headers"];
  for (unsigned i = 0; i < headers["length"].as<unsigned>(); ++i) {
    out.headers.emplace_back(headers[i][0].as<std::string>(), headers[i][1].as<std::string>());
  }
  if_given<std::string>(js, "origin", [&](auto v) { out.origin = v; });
  if_given<bool>(js, "perMessageDeflate", [&](auto v) {
    out.compression = v ? websocket::Compression::kOffer : websocket::Compression::kOff;
  });
  if_given<double>(js, "handshakeTimeoutMs",
                   [&](auto v) { out.config.handshake_timeout = milliseconds(v); });
  if_given<double>(js, "pingIntervalMs",
                   [&](auto v) { out.config.ping_interval = milliseconds(v); });
  if_given<double>(js, "pongTimeoutMs", [&](auto v) { out.config.pong_timeout = milliseconds(v); });
  if_given<double>(js, "maxMessageSize",
                   [&](auto v) { out.config.max_message_size = static_cast<std::size_t>(v); });
  return out;
}

tunnel::TlsRequest tls_from_js(const val& js) {
  tunnel::TlsRequest out;
  if_given<std::string>(js, "serverName", [&](auto v) { out.server_name = v; });
  out.alpn = strings_from_js(js["alpn"]);
  return out;
}

tunnel::TcpRequest tcp_from_js(const val& js) {
  tunnel::TcpRequest out;
  out.host = js["host"].as<std::string>();
  out.port = js["port"].as<std::uint16_t>();
  const val tls = js["tls"];
  if (!tls.isUndefined()) out.tls = tls_from_js(tls);
  if_given<double>(js, "timeoutMs", [&](auto v) { out.timeout = milliseconds(v); });
  return out;
}

// --- out ---

val news_of(const char* kind) {
  val out = val::object();
  out.set("kind", std::string{kind});
  return out;
}

/// UTF-8 where the bytes are that, otherwise one character a byte.
std::string text_of(const std::string& bytes) {
  if (base::is_utf8(base::as_bytes(bytes))) return bytes;
  std::string out;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x80) {
      out += c;
    } else {
      out += static_cast<char>(0xc0 | (byte >> 6));
      out += static_cast<char>(0x80 | (byte & 0x3f));
    }
  }
  return out;
}

// RFC 9460 §14.3.2
enum class ServiceParameter : std::uint16_t {
  kMandatory = 0,
  kAlpn = 1,
  kNoDefaultAlpn = 2,
  kPort = 3,
  kIpv4Hint = 4,
  kEch = 5,
  kIpv6Hint = 6,
};

std::string parameter_name(std::uint16_t key) {
  constexpr const char* kNames[] = {"mandatory", "alpn", "no-default-alpn", "port",
                                    "ipv4hint",  "ech",  "ipv6hint"};
  return key < std::size(kNames) ? std::string{kNames[key]} : "key" + std::to_string(key);
}

template <class Address>
val addresses_to_js(base::Reader reader) {
  val out = val::array();
  while (const auto octets = reader.fixed<sizeof(Address::octets)>()) {
    out.call<void>("push", net::to_string(net::IpAddress{Address{*octets}}));
  }
  return out;
}

/// What is not readable, or not known, stays bytes.
val parameter_to_js(std::uint16_t key, const base::Bytes& value) {
  base::Reader reader(value);
  switch (static_cast<ServiceParameter>(key)) {
    case ServiceParameter::kAlpn: {
      val out = val::array();
      while (const auto size = reader.u8()) {
        const auto name = reader.bytes(*size);
        if (!name) return to_js(value);
        out.call<void>("push", text_of(base::to_string(*name)));
      }
      return out;
    }
    case ServiceParameter::kNoDefaultAlpn:
      return val(true);
    case ServiceParameter::kPort: {
      const auto port = reader.u16be();
      return port ? val(*port) : to_js(value);
    }
    case ServiceParameter::kIpv4Hint:
      return addresses_to_js<net::Ipv4>(reader);
    case ServiceParameter::kIpv6Hint:
      return addresses_to_js<net::Ipv6>(reader);
    case ServiceParameter::kMandatory: {
      val out = val::array();
      while (const auto needed = reader.u16be()) out.call<void>("push", parameter_name(*needed));
      return out;
    }
    case ServiceParameter::kEch:
      break;
  }
  return to_js(value);
}

// Shapes of Node's dns.promises. spec: api part 2 §4
struct RecordToJs {
  val operator()(const net::Ipv4& address) const {
    return val(net::to_string(net::IpAddress{address}));
  }
  val operator()(const net::Ipv6& address) const {
    return val(net::to_string(net::IpAddress{address}));
  }
  val operator()(const dns::Name& name) const { return val(name.text()); }
  val operator()(const dns::Soa& soa) const {
    val out = val::object();
    out.set("nsname", soa.primary.text());
    out.set("hostmaster", soa.mailbox.text());
    out.set("serial", soa.serial);
    out.set("refresh", soa.refresh);
    out.set("retry", soa.retry);
    out.set("expire", soa.expire);
    out.set("minttl", soa.minimum);
    return out;
  }
  val operator()(const dns::Mx& mx) const {
    val out = val::object();
    out.set("priority", mx.preference);
    out.set("exchange", mx.exchange.text());
    return out;
  }
  val operator()(const dns::Srv& srv) const {
    val out = val::object();
    out.set("priority", srv.priority);
    out.set("weight", srv.weight);
    out.set("port", srv.port);
    out.set("name", srv.target.text());
    return out;
  }
  val operator()(const dns::Txt& txt) const {
    val out = val::array();
    for (const std::string& text : txt.strings) out.call<void>("push", text_of(text));
    return out;
  }
  val operator()(const dns::Caa& caa) const {
    val out = val::object();
    out.set("critical", caa.flags);
    out.set("tag", text_of(caa.tag));
    out.set("value", text_of(caa.value));
    return out;
  }
  val operator()(const dns::Svcb& svcb) const {
    val out = val::object();
    out.set("priority", svcb.priority);
    out.set("target", svcb.target.text());
    val params = val::object();
    for (const auto& [key, value] : svcb.parameters) {
      params.set(parameter_name(key), parameter_to_js(key, value));
    }
    out.set("params", params);
    return out;
  }
  val operator()(const base::Bytes& bytes) const { return to_js(bytes); }
};

struct NewsToJs {
  val operator()(const tunnel::DnsAddresses& found) const {
    val list = val::array();
    for (const auto& address : found.addresses) {
      val entry = val::object();
      entry.set("address", address.text);
      entry.set("family", address.family);
      entry.set("ttlMs", to_ms(address.ttl));
      list.call<void>("push", entry);
    }
    val out = news_of("addresses");
    out.set("addresses", list);
    return out;
  }
  val operator()(const tunnel::DnsRecords& found) const {
    val list = val::array();
    for (const auto& record : found.answer.records) {
      list.call<void>("push", std::visit(RecordToJs{}, record));
    }
    val out = news_of("records");
    out.set("records", list);
    out.set("canonicalName", found.answer.canonical_name.text());
    out.set("ttlMs", to_ms(found.answer.ttl));
    out.set("server", net::to_string(found.answer.server));
    out.set("authenticated", found.answer.is_authenticated);
    out.set("fromCache", found.answer.is_from_cache);
    return out;
  }
  val operator()(const websocket::Opened& opened) const {
    val out = news_of("wsOpen");
    out.set("protocol", opened.protocol);
    out.set("extensions", opened.extensions);
    return out;
  }
  val operator()(const websocket::Message& message) const {
    if (message.kind == websocket::MessageKind::kBinary) {
      val out = news_of("binary");
      out.set("data", to_js(message.bytes));
      return out;
    }
    val out = news_of("text");
    out.set("data", std::string{base::as_text(message.bytes)});
    out.set("size", message.bytes.size());
    return out;
  }
  val operator()(const websocket::Sent& sent) const { return sized("sent", sent.size); }
  val operator()(const websocket::PongReceived& pong) const {
    val out = news_of("pong");
    out.set("data", to_js(pong.payload));
    return out;
  }
  val operator()(const websocket::Closed& closed) const {
    val out = news_of("wsClose");
    out.set("code", closed.code);
    out.set("reason", closed.reason);
    out.set("wasClean", closed.was_clean);
    if (closed.error) out.set("error", to_js(*closed.error));
    return out;
  }
  val operator()(const tunnel::SocketOpened& opened) const {
    val out = news_of("socketOpen");
    out.set("address", opened.address);
    out.set("port", opened.port);
    out.set("alpn", opened.alpn);
    return out;
  }
  val operator()(const tunnel::SocketBytes& bytes) const {
    val out = news_of("bytes");
    out.set("data", to_js(bytes.bytes));
    return out;
  }
  val operator()(const tunnel::SocketSent& sent) const { return sized("sent", sent.size); }
  val operator()(const tunnel::SocketEnded& /*ended*/) const { return news_of("ended"); }
  val operator()(const tunnel::DatagramReceived& datagram) const {
    val out = news_of("datagram");
    out.set("data", to_js(datagram.bytes));
    out.set("address", datagram.address);
    out.set("port", datagram.port);
    return out;
  }
  val operator()(const tunnel::SocketClosed& /*closed*/) const { return news_of("socketClosed"); }
  val operator()(const tunnel::ChannelFailed& failed) const {
    val out = news_of("failed");
    out.set("error", to_js(failed.error));
    return out;
  }

 private:
  static val sized(const char* kind, std::size_t size) {
    val out = news_of(kind);
    out.set("size", size);
    return out;
  }
};

}  // namespace

tunnel::ChannelRequest channel_request_from_js(const val& js) {
  const auto kind = js["kind"].as<std::string>();
  if (kind == "webSocket") return web_socket_from_js(js);
  if (kind == "tcp") return tcp_from_js(js);
  if (kind == "udp") return tunnel::UdpRequest{};
  return dns_from_js(js);
}

tunnel::ChannelCommand channel_command_from_js(const val& js) {
  const auto kind = js["kind"].as<std::string>();
  if (kind == "text") {
    return tunnel::SendMessage{websocket::MessageKind::kText, bytes_from_js(js["data"])};
  }
  if (kind == "binary") {
    return tunnel::SendMessage{websocket::MessageKind::kBinary, bytes_from_js(js["data"])};
  }
  if (kind == "ping") return tunnel::SendPing{bytes_from_js(js["data"])};
  if (kind == "wsClose") {
    tunnel::CloseWebSocket close;
    if_given<unsigned>(js, "code", [&](auto v) { close.code = static_cast<std::uint16_t>(v); });
    close.reason = js["reason"].as<std::string>();
    return close;
  }
  if (kind == "write") return tunnel::WriteBytes{bytes_from_js(js["data"])};
  if (kind == "datagram") {
    return tunnel::SendDatagram{bytes_from_js(js["data"]), js["host"].as<std::string>(),
                                js["port"].as<std::uint16_t>()};
  }
  if (kind == "startTls") return tunnel::StartTls{tls_from_js(js["tls"])};
  if (kind == "endWriting") return tunnel::EndWriting{};
  if (kind == "consumed") return tunnel::ChannelConsumed{js["size"].as<std::size_t>()};
  return tunnel::CloseSocket{};
}

val to_js(const tunnel::ChannelNews& news) { return std::visit(NewsToJs{}, news); }

}  // namespace mix::wasm
