#include "opening.h"

#include <llhttp.h>

#include <algorithm>

#include "mix/base/encoding.h"
#include "mix/websocket/constants.h"
#include "sha1.h"
#include "text.h"

namespace mix::websocket {
namespace {

using base::ByteView;
using base::Errc;
using base::Error;

/// RFC 6455 §1.3
constexpr std::string_view kAcceptSuffix = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
constexpr unsigned kSwitchingProtocols = 101, kFirstFinalStatus = 200;

constexpr std::string_view kOwnHeaders[] = {"host", "connection", "upgrade", "content-length",
                                            "transfer-encoding"};
constexpr std::string_view kOwnPrefix = "sec-websocket-";

Error refused(std::string why, std::uint32_t status = 0) {
  return {Errc::ws_bad_handshake, status, std::move(why)};
}

bool is_own(std::string_view name) {
  return equal_ignoring_case(name.substr(0, kOwnPrefix.size()), kOwnPrefix) ||
         std::ranges::any_of(kOwnHeaders,
                             [&](std::string_view own) { return equal_ignoring_case(own, name); });
}

bool is_field_value(std::string_view value) {
  return std::ranges::none_of(value, [](char c) { return c == '\r' || c == '\n' || c == '\0'; });
}

// One of the items of a comma-separated list.
bool lists(std::string_view list, std::string_view item) {
  while (!list.empty()) {
    if (equal_ignoring_case(trim(take_until(list, ',')), item)) return true;
  }
  return false;
}

base::Bytes encode_request(const HandshakeRequest& request, std::string_view key) {
  std::string text = "GET " + request.path + " HTTP/1.1\r\n";
  const auto line = [&](std::string_view name, std::string_view value) {
    text.append(name).append(": ").append(value).append("\r\n");
  };
  line("Host", request.authority);
  line("Upgrade", "websocket");
  line("Connection", "Upgrade");
  line("Sec-WebSocket-Key", key);
  line("Sec-WebSocket-Version", std::to_string(kVersion));
  if (request.origin) line("Origin", *request.origin);
  std::string protocols;
  for (const std::string& protocol : request.protocols) {
    protocols += (protocols.empty() ? "" : ", ") + protocol;
  }
  if (!protocols.empty()) line("Sec-WebSocket-Protocol", protocols);
  if (request.compression == Compression::kOffer) line("Sec-WebSocket-Extensions", deflate_offer());
  for (const auto& [name, value] : request.headers) line(name, value);
  text += "\r\n";
  return base::to_bytes(base::as_bytes(text));
}

}  // namespace

base::Result<void> validate(const HandshakeRequest& request) {
  for (auto it = request.protocols.begin(); it != request.protocols.end(); ++it) {
    if (!is_token(*it) || std::find(request.protocols.begin(), it, *it) != it) {
      return Error{Errc::ws_bad_option, 0, "sub-protocol: " + *it};
    }
  }
  for (const auto& [name, value] : request.headers) {
    if (!is_token(name) || !is_field_value(value)) {
      return Error{Errc::usage_bad_header, 0, "value of " + name};
    }
    if (is_own(name)) return Error{Errc::usage_bad_header, 0, name + " is set by the engine"};
  }
  if (request.origin && !is_field_value(*request.origin)) {
    return Error{Errc::usage_bad_header, 0, "value of Origin"};
  }
  return {};
}

/// llhttp calls back while it parses; the callbacks only collect.
class Opening::Impl {
 public:
  Impl(HandshakeRequest request, base::Rng& rng)
      : request_(std::move(request)),
        key_(base::base64_encode(rng.bytes<kKeySize>())),
        bytes_(encode_request(request_, key_)) {
    llhttp_settings_init(&settings_);
    settings_.on_header_field = [](llhttp_t* p, const char* at, std::size_t n) {
      self(p).field_.append(at, n);
      return 0;
    };
    settings_.on_header_value = [](llhttp_t* p, const char* at, std::size_t n) {
      self(p).value_.append(at, n);
      return 0;
    };
    settings_.on_header_value_complete = [](llhttp_t* p) {
      auto& me = self(p);
      me.headers_.emplace_back(std::exchange(me.field_, {}), std::exchange(me.value_, {}));
      return 0;
    };
    settings_.on_headers_complete = [](llhttp_t* p) { return self(p).headers_complete(); };
    llhttp_init(&parser_, HTTP_RESPONSE, &settings_);
    parser_.data = this;
  }

  ByteView request() const { return bytes_; }

  base::Result<std::optional<Agreement>> feed(ByteView bytes) {
    taken_ += bytes.size();
    const std::string_view text = base::as_text(bytes);
    const llhttp_errno_t status = llhttp_execute(&parser_, text.data(), text.size());
    if (failure_) return *failure_;
    if (agreement_) {
      // llhttp stops behind the head of an answer that switches protocols.
      const char* stop = llhttp_get_error_pos(&parser_);
      const auto used = static_cast<std::size_t>(stop - text.data());
      agreement_->rest = base::to_bytes(bytes.subspan(used));
      return std::move(agreement_);
    }
    if (status != HPE_OK) return refused("not an HTTP answer");
    if (taken_ > kMaxHeadSize) return refused("the answer's head is too large");
    return std::optional<Agreement>{};
  }

 private:
  static Impl& self(llhttp_t* parser) { return *static_cast<Impl*>(parser->data); }

  int headers_complete() {
    const auto status = static_cast<unsigned>(llhttp_get_status_code(&parser_));
    if (status != kSwitchingProtocols && status < kFirstFinalStatus) {
      headers_.clear();  // an interim answer
      return 1;
    }
    auto agreed = agree(status);
    if (agreed) {
      agreement_ = *std::move(agreed);
      return 2;  // an upgrade: stop here
    }
    failure_ = agreed.error();
    return HPE_USER;
  }

  /// All values of a field, joined as if they had come in one.
  std::optional<std::string> header(std::string_view name) const {
    std::optional<std::string> out;
    for (const auto& [key, value] : headers_) {
      if (!equal_ignoring_case(key, name)) continue;
      out = out ? *out + ", " + value : value;
    }
    return out;
  }

  // RFC 6455 §4.1, the client's checks 1 to 6.
  base::Result<Agreement> agree(unsigned status) const {
    if (status != kSwitchingProtocols) {
      return refused("(HTTP status " + std::to_string(status) + ")", status);
    }
    if (!equal_ignoring_case(trim(header("upgrade").value_or("")), "websocket")) {
      return refused("no Upgrade to websocket");
    }
    if (!lists(header("connection").value_or(""), "upgrade")) {
      return refused("no Connection: Upgrade");
    }
    const std::string expected =
        base::base64_encode(sha1(base::as_bytes(key_ + std::string{kAcceptSuffix})));
    if (trim(header("sec-websocket-accept").value_or("")) != expected) {
      return refused("a wrong Sec-WebSocket-Accept");
    }
    Agreement out;
    if (const auto extensions = header("sec-websocket-extensions")) {
      if (request_.compression == Compression::kOff) {
        return refused("an extension that was not offered");
      }
      out.extensions = trim(*extensions);
      MIX_TRY(out.deflate, read_deflate_terms(out.extensions));
    }
    if (const auto protocol = header("sec-websocket-protocol")) {
      out.protocol = trim(*protocol);
      const auto& asked = request_.protocols;
      if (std::find(asked.begin(), asked.end(), out.protocol) == asked.end()) {
        return refused("a sub-protocol that was not asked for");
      }
    } else if (!request_.protocols.empty()) {
      // WHATWG WebSockets: a server that takes none of them fails the connection.
      return refused("none of the sub-protocols");
    }
    return out;
  }

  const HandshakeRequest request_;
  const std::string key_;
  const base::Bytes bytes_;
  std::size_t taken_ = 0;
  llhttp_settings_t settings_{};
  llhttp_t parser_{};
  std::string field_, value_;
  std::vector<std::pair<std::string, std::string>> headers_;
  std::optional<Agreement> agreement_;
  std::optional<Error> failure_;
};

Opening::Opening(HandshakeRequest request, base::Rng& rng)
    : impl_(std::make_unique<Impl>(std::move(request), rng)) {}
Opening::~Opening() = default;
base::ByteView Opening::request() const { return impl_->request(); }
base::Result<std::optional<Agreement>> Opening::feed(base::ByteView bytes) {
  return impl_->feed(bytes);
}

}  // namespace mix::websocket
