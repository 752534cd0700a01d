// One exchange: the request goes out as the stream takes it, llhttp (strict) reads the response.
//
// llhttp checks syntax; here it is checked that the extent of the body is beyond doubt, so that no
// byte of one response can be taken for the beginning of the next.
#include <llhttp.h>

#include <algorithm>
#include <deque>
#include <utility>

#include "constants.h"
#include "mix/http/http1.h"
#include "outgoing_body.h"
#include "text.h"

namespace mix::http {
namespace {

using base::ByteView;
using base::Errc;
using base::Error;

bool is_interim(std::uint16_t status) { return status < detail::kFirstFinalStatus; }

}  // namespace

/// llhttp calls back while it parses; the callbacks only collect.
class Http1Exchange::Impl {
 public:
  Impl(net::Stream& stream, Request request, const Limits& limits)
      : stream_(stream),
        limits_(limits),
        is_head_(request.method == "HEAD"),
        chunked_(request.streamed && !request.streamed->length),
        meter_(request.streamed) {
    out_.push(encode_head(request), 0);
    if (!request.body.empty()) {
      const std::size_t size = request.body.size();
      out_.push(std::move(request.body), size);
    }
    llhttp_settings_init(&settings_);
    settings_.on_status = [](llhttp_t* p, const char* at, std::size_t n) {
      return self(p).text(self(p).current_.reason, at, n);
    };
    settings_.on_header_field = [](llhttp_t* p, const char* at, std::size_t n) {
      return self(p).text(self(p).field_, at, n);
    };
    settings_.on_header_value = [](llhttp_t* p, const char* at, std::size_t n) {
      return self(p).text(self(p).value_, at, n);
    };
    settings_.on_header_value_complete = [](llhttp_t* p) { return self(p).header_complete(); };
    settings_.on_headers_complete = [](llhttp_t* p) { return self(p).headers_complete(); };
    settings_.on_chunk_extension_name = [](llhttp_t* p, const char*, std::size_t n) {
      return self(p).chunk_extension(n);
    };
    settings_.on_chunk_extension_value = [](llhttp_t* p, const char*, std::size_t n) {
      return self(p).chunk_extension(n);
    };
    settings_.on_body = [](llhttp_t* p, const char* at, std::size_t n) {
      base::append(self(p).body_in_, base::as_bytes({at, n}));
      return 0;
    };
    settings_.on_message_complete = [](llhttp_t* p) { return self(p).message_complete(); };
    llhttp_init(&parser_, HTTP_RESPONSE, &settings_);
    parser_.data = this;
  }

  base::Result<void> advance(std::size_t max_body) {
    if (ended_) return {};
    if (!failure_ && !complete_) {
      auto written = write_request();
      // An answer may wait although writing failed: a server that refuses an upload answers and
      // closes. So it is read first, then judged.
      auto read = read_response(max_body);
      if (!read) {
        failure_ = read.error();
      } else if (!complete_ && !written) {
        write_failure_ = written.error();
      }
    }
    deliver_body(max_body);
    // The end, good or bad, comes after all that was received.
    if (!body_in_.empty()) return {};
    if (failure_) return *failure_;
    if (complete_) {
      ended_ = true;
      events_.push_back(ResponseEnd{reusable()});
      return {};
    }
    return judge();
  }

  std::optional<ExchangeEvent> poll_event() {
    if (events_.empty()) return std::nullopt;
    ExchangeEvent event = std::move(events_.front());
    events_.pop_front();
    return event;
  }

  std::size_t body_room() const {
    if (!meter_.open() || complete_ || failure_ || write_failure_) return 0;
    return detail::kUploadQueue - std::min(out_.queued(), detail::kUploadQueue);
  }

  base::Result<void> send_body(ByteView piece) {
    MIX_CHECK(meter_.add(piece.size()));
    if (piece.empty()) return {};  // an empty chunk would end the body
    if (!chunked_) {
      out_.push(base::to_bytes(piece), piece.size());
      return {};
    }
    base::Bytes chunk = chunk_head(piece.size());
    base::append(chunk, piece);
    base::append(chunk, base::as_bytes("\r\n"));
    out_.push(std::move(chunk), piece.size());
    return {};
  }

  base::Result<void> end_body() {
    MIX_CHECK(meter_.end());
    if (chunked_) out_.push(base::to_bytes(base::as_bytes("0\r\n\r\n")), 0);
    return {};
  }

  std::uint64_t bytes_sent() const { return out_.sent(); }
  std::uint64_t body_sent() const { return out_.body_sent(); }
  RequestProgress request_progress() const {
    const std::uint64_t sent = out_.sent();
    return {sent - std::min<std::uint64_t>(sent, stream_.unacknowledged()),
            out_.empty() && !meter_.open()};
  }
  bool response_started() const { return received_ > 0; }

 private:
  static Impl& self(llhttp_t* parser) { return *static_cast<Impl*>(parser->data); }

  /// What the stream's state means for a response that is not complete.
  base::Result<void> judge() {
    if (stream_.readable() > 0) return {};
    if (stream_.at_end()) {
      failure_ = end_of_stream();
    } else if (stream_.state() == net::StreamState::kFailed) {
      failure_ = stream_.error().value_or(Error{Errc::net_connection_reset});
    } else {
      failure_ = write_failure_;
    }
    if (failure_) return *failure_;
    return {};
  }

  base::Result<void> write_request() {
    while (!out_.empty()) {
      MIX_TRY(const std::size_t taken, stream_.write(out_.front()));
      if (taken == 0) break;
      out_.pop(taken);
    }
    return {};
  }

  /// spec: RFC 9112 §7.1
  static base::Bytes chunk_head(std::size_t size) {
    constexpr std::string_view kHex = "0123456789abcdef";
    std::string text;
    for (; size > 0; size /= kHex.size()) text.insert(text.begin(), kHex[size % kHex.size()]);
    return base::to_bytes(base::as_bytes(text + "\r\n"));
  }

  base::Result<void> read_response(std::size_t max_body) {
    if (stream_.readable() == 0) return {};
    base::Bytes buffer(detail::kReadSize);  // not on the stack, which is small in wasm
    // Parsing ahead of the reader stops once it cannot take more.
    while (!complete_ && (!head_done_ || body_in_.size() < max_body)) {
      const std::size_t got = stream_.read(buffer);
      if (got == 0) return {};
      received_ += got;
      MIX_CHECK(parse(ByteView{buffer}.first(got)));
      if (!head_done_ && received_ > limits_.max_head_bytes) return Errc::http_head_too_large;
    }
    return {};
  }

  base::Result<void> parse(ByteView bytes) {
    const std::string_view text = base::as_text(bytes);
    const llhttp_errno_t status = llhttp_execute(&parser_, text.data(), text.size());
    if (complete_) {
      const char* stop = llhttp_get_error_pos(&parser_);
      // Bytes after the response belong to nobody: such a connection is not used again.
      excess_ = stop != nullptr && stop < text.data() + text.size();
      return {};
    }
    if (refusal_) return *refusal_;
    if (status != HPE_OK) {
      return Error{Errc::http_bad_response, static_cast<std::uint32_t>(status),
                   std::string{llhttp_get_error_reason(&parser_)}};
    }
    return {};
  }

  /// The server closed in order. Only a body that is delimited by this may end so.
  std::optional<Error> end_of_stream() {
    if (received_ == 0) return Error{Errc::http_empty_response};
    (void)llhttp_finish(&parser_);
    if (!complete_) return Error{Errc::http_truncated};
    ended_ = true;
    events_.push_back(ResponseEnd{});
    return std::nullopt;
  }

  void deliver_body(std::size_t max_body) {
    if (body_in_.empty() || max_body == 0) return;
    BodyChunk chunk;
    if (body_in_.size() <= max_body) {
      chunk.bytes = std::exchange(body_in_, {});
    } else {
      const auto split = body_in_.begin() + static_cast<std::ptrdiff_t>(max_body);
      chunk.bytes.assign(body_in_.begin(), split);
      body_in_.erase(body_in_.begin(), split);
    }
    events_.push_back(std::move(chunk));
  }

  bool reusable() const {
    return keep_alive_ && request_progress().handed_over && !excess_ && stream_.readable() == 0 &&
           stream_.state() == net::StreamState::kOpen;
  }

  // --- llhttp's callbacks; a non-zero answer stops the parser ---

  int text(std::string& out, const char* at, std::size_t n) {
    head_bytes_ += n;
    if (head_bytes_ > limits_.max_head_bytes) return refuse(Errc::http_head_too_large);
    out.append(at, n);
    return 0;
  }

  int chunk_extension(std::size_t n) {
    extension_bytes_ += n;
    if (extension_bytes_ <= detail::kMaxChunkExtensionBytes) return 0;
    return refuse(Errc::http_bad_response, "chunk extensions are too long");
  }

  int header_complete() {
    std::string name = std::exchange(field_, {});
    std::string value{trim(std::exchange(value_, {}))};
    if (head_done_) return 0;  // a trailer
    if (current_.headers.size() == limits_.max_headers) return refuse(Errc::http_head_too_large);
    current_.headers.emplace_back(std::move(name), std::move(value));
    return 0;
  }

  int headers_complete() {
    constexpr int kSkipBody = 1;
    current_.status = static_cast<std::uint16_t>(llhttp_get_status_code(&parser_));
    if (const auto problem = framing_problem(); !problem.empty()) {
      return refuse(Errc::http_bad_response, std::string{problem});
    }
    if (is_interim(current_.status)) return kSkipBody;
    head_done_ = true;
    events_.push_back(current_);
    return is_head_ ? kSkipBody : 0;
  }

  /// What makes the extent of this response doubtful; empty when nothing does. spec: RFC 9112 §6.3
  std::string_view framing_problem() {
    if (current_.status < detail::kFirstStatus) return "status below 100";
    if (current_.status == detail::kSwitchingProtocols) return "an upgrade that nobody asked for";
    const int major = llhttp_get_http_major(&parser_);
    const int minor = llhttp_get_http_minor(&parser_);
    if (major != 1 || minor > 1) return "not HTTP/1.0 or HTTP/1.1";
    std::size_t codings = 0;
    for (const auto& [name, value] : current_.headers) {
      if (!equal_ignoring_case(name, "transfer-encoding")) continue;
      ++codings;
      // Any other coding would need undoing, and we asked for none.
      if (!equal_ignoring_case(value, "chunked")) return "Transfer-Encoding is not chunked";
    }
    if (codings == 0) return {};
    // llhttp and we must agree on what was said.
    if ((parser_.flags & F_CHUNKED) == 0) return "Transfer-Encoding is not chunked";
    if (codings > 1) return "several Transfer-Encoding fields";
    if (minor == 0) return "Transfer-Encoding in HTTP/1.0";
    if (find_header(current_.headers, "content-length")) {
      return "both Content-Length and Transfer-Encoding";
    }
    return {};
  }

  int message_complete() {
    if (is_interim(current_.status)) {
      current_ = ResponseHead{};
      return 0;
    }
    complete_ = true;
    keep_alive_ = llhttp_should_keep_alive(&parser_) != 0;
    return HPE_PAUSED;
  }

  int refuse(Errc code, std::string context = {}) {
    refusal_ = Error{code, 0, std::move(context)};
    return HPE_USER;
  }

  net::Stream& stream_;
  const Limits limits_;
  const bool is_head_;
  const bool chunked_;
  BodyMeter meter_;
  OutgoingBody out_;
  std::uint64_t received_ = 0;

  llhttp_settings_t settings_{};
  llhttp_t parser_{};
  ResponseHead current_;
  std::string field_, value_;
  std::size_t head_bytes_ = 0;       // trailers included
  std::size_t extension_bytes_ = 0;  // of chunks
  base::Bytes body_in_;              // parsed, not yet taken by the reader
  bool head_done_ = false;
  bool complete_ = false;  // the whole response was parsed
  bool ended_ = false;     // and its end was told
  bool keep_alive_ = false;
  bool excess_ = false;
  std::optional<Error> refusal_;        // set by a callback
  std::optional<Error> write_failure_;  // counts once nothing more can be read
  std::optional<Error> failure_;
  std::deque<ExchangeEvent> events_;
};

Http1Exchange::Http1Exchange(net::Stream& stream, Request request, const Limits& limits)
    : impl_(std::make_unique<Impl>(stream, std::move(request), limits)) {}
Http1Exchange::~Http1Exchange() = default;

base::Result<void> Http1Exchange::advance(std::size_t max_body) { return impl_->advance(max_body); }
std::optional<ExchangeEvent> Http1Exchange::poll_event() { return impl_->poll_event(); }
std::size_t Http1Exchange::body_room() const { return impl_->body_room(); }
base::Result<void> Http1Exchange::send_body(base::ByteView piece) {
  return impl_->send_body(piece);
}
base::Result<void> Http1Exchange::end_body() { return impl_->end_body(); }
std::uint64_t Http1Exchange::bytes_sent() const { return impl_->bytes_sent(); }
std::uint64_t Http1Exchange::body_sent() const { return impl_->body_sent(); }
RequestProgress Http1Exchange::request_progress() const { return impl_->request_progress(); }
bool Http1Exchange::response_started() const { return impl_->response_started(); }

}  // namespace mix::http
