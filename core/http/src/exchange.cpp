#include "mix/http/exchange.h"

#include <llhttp.h>

#include <algorithm>
#include <array>
#include <deque>
#include <span>

#include "text.h"

namespace mix::http {
namespace {

using base::ByteView;
using base::Errc;
using base::Error;

constexpr std::size_t kReadSize = 16 * 1024;
constexpr std::uint16_t kSwitchingProtocols = 101;

bool is_interim(std::uint16_t status) { return status >= 100 && status < 200; }

}  // namespace

/// llhttp calls back while it parses; the callbacks only collect.
class Exchange::Impl {
 public:
  Impl(net::Stream& stream, Request request, const Limits& limits)
      : stream_(stream),
        limits_(limits),
        is_head_(request.method == "HEAD"),
        head_out_(encode_head(request)),
        body_out_(std::move(request.body)) {
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
    settings_.on_body = [](llhttp_t* p, const char* at, std::size_t n) {
      base::append(self(p).body_in_, base::as_bytes({at, n}));
      return 0;
    };
    settings_.on_message_complete = [](llhttp_t* p) { return self(p).message_complete(); };
    llhttp_init(&parser_, HTTP_RESPONSE, &settings_);
    parser_.data = this;
  }

  base::Result<void> advance(std::size_t max_body) {
    if (failure_) return *failure_;
    if (complete_) return {};
    auto result = exchange(max_body);
    if (!result) failure_ = result.error();
    return result;
  }

  std::optional<ExchangeEvent> poll_event() {
    if (events_.empty()) return std::nullopt;
    ExchangeEvent event = std::move(events_.front());
    events_.pop_front();
    return event;
  }

  std::uint64_t bytes_sent() const { return sent_; }
  bool response_started() const { return received_ > 0; }

 private:
  static Impl& self(llhttp_t* parser) { return *static_cast<Impl*>(parser->data); }

  base::Result<void> exchange(std::size_t max_body) {
    const auto written = write_request();
    // An answer may stand in the buffer although writing fails: a server that refuses an upload
    // answers and closes. Read first, then judge.
    MIX_CHECK(read_response(max_body));
    if (complete_) return {};
    if (stream_.readable() > 0) return {};  // held back by max_body
    if (stream_.at_end()) return ended();
    if (stream_.state() == net::StreamState::kFailed) {
      return stream_.error().value_or(Error{Errc::net_connection_reset});
    }
    return written;
  }

  base::Result<void> write_request() {
    for (const base::Bytes* part : {&head_out_, &body_out_}) {
      const std::size_t start = part == &head_out_ ? 0 : head_out_.size();
      if (sent_ >= start + part->size()) continue;
      MIX_TRY(const std::size_t taken, stream_.write(ByteView{*part}.subspan(sent_ - start)));
      sent_ += taken;
      if (sent_ < start + part->size()) break;
    }
    return {};
  }

  base::Result<void> read_response(std::size_t max_body) {
    std::array<std::uint8_t, kReadSize> buffer;
    std::size_t budget = max_body;
    while (!complete_) {
      const std::size_t want = head_done_ ? std::min(budget, buffer.size()) : buffer.size();
      const std::size_t got = stream_.read(std::span{buffer}.first(want));
      if (got == 0) return {};
      received_ += got;
      if (head_done_) budget -= got;
      MIX_CHECK(parse(std::span{buffer}.first(got)));
    }
    return {};
  }

  base::Result<void> parse(ByteView bytes) {
    const std::string_view text = base::as_text(bytes);
    const llhttp_errno_t status = llhttp_execute(&parser_, text.data(), text.size());
    flush_body();
    if (complete_) {
      const char* stop = llhttp_get_error_pos(&parser_);
      // Bytes after the response belong to nobody: such a connection is not used again.
      if (stop != nullptr && stop < text.data() + text.size()) excess_ = true;
      finish();
      return {};
    }
    if (failure_) return *failure_;
    if (status != HPE_OK) {
      return Error{Errc::http_bad_response, static_cast<std::uint32_t>(status),
                   std::string{llhttp_errno_name(status)}};
    }
    return {};
  }

  base::Result<void> ended() {
    if (received_ == 0) return Errc::http_empty_response;
    const llhttp_errno_t status = llhttp_finish(&parser_);
    flush_body();
    if (status == HPE_INVALID_EOF_STATE || !complete_) return Errc::http_truncated;
    finish();
    return {};
  }

  void flush_body() {
    if (body_in_.empty()) return;
    events_.push_back(BodyChunk{std::move(body_in_)});
    body_in_.clear();
  }

  void finish() {
    const bool all_sent = sent_ == head_out_.size() + body_out_.size();
    const bool keep = keep_alive_ && all_sent && !excess_ && stream_.readable() == 0 &&
                      stream_.state() == net::StreamState::kOpen;
    events_.push_back(ResponseEnd{keep});
  }

  // --- llhttp's callbacks; a non-zero answer stops the parser ---

  int text(std::string& out, const char* at, std::size_t n) {
    head_bytes_ += n;
    if (head_bytes_ > limits_.max_head_bytes) return fail(Errc::http_head_too_large);
    out.append(at, n);
    return 0;
  }

  int header_complete() {
    if (head_done_) {  // a trailer
      field_.clear();
      value_.clear();
      return 0;
    }
    if (current_.headers.size() == limits_.max_headers) return fail(Errc::http_head_too_large);
    // Other transfer codings would need undoing; only chunked is framing.
    if (equal_ignoring_case(field_, "transfer-encoding") &&
        !equal_ignoring_case(value_, "chunked")) {
      return fail(Errc::http_bad_response, "Transfer-Encoding: " + value_);
    }
    current_.headers.emplace_back(std::move(field_), std::move(value_));
    field_.clear();
    value_.clear();
    return 0;
  }

  int headers_complete() {
    constexpr int kSkipBody = 1;
    current_.status = static_cast<std::uint16_t>(llhttp_get_status_code(&parser_));
    if (current_.status < 100) return fail(Errc::http_bad_response, "status below 100");
    if (current_.status == kSwitchingProtocols) {
      return fail(Errc::http_bad_response, "an upgrade that nobody asked for");
    }
    if (is_interim(current_.status)) return 0;
    head_done_ = true;
    events_.push_back(current_);
    return is_head_ ? kSkipBody : 0;
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

  int fail(Errc code, std::string context = {}) {
    failure_ = Error{code, 0, std::move(context)};
    return HPE_USER;
  }

  net::Stream& stream_;
  const Limits limits_;
  const bool is_head_;
  const base::Bytes head_out_;
  const base::Bytes body_out_;
  std::uint64_t sent_ = 0;
  std::uint64_t received_ = 0;

  llhttp_settings_t settings_{};
  llhttp_t parser_{};
  ResponseHead current_;
  std::string field_, value_;
  std::size_t head_bytes_ = 0;
  base::Bytes body_in_;
  bool head_done_ = false;
  bool complete_ = false;
  bool keep_alive_ = false;
  bool excess_ = false;
  std::optional<Error> failure_;
  std::deque<ExchangeEvent> events_;
};

Exchange::Exchange(net::Stream& stream, Request request, const Limits& limits)
    : impl_(std::make_unique<Impl>(stream, std::move(request), limits)) {}
Exchange::~Exchange() = default;

base::Result<void> Exchange::advance(std::size_t max_body) { return impl_->advance(max_body); }
std::optional<ExchangeEvent> Exchange::poll_event() { return impl_->poll_event(); }
std::uint64_t Exchange::bytes_sent() const { return impl_->bytes_sent(); }
bool Exchange::response_started() const { return impl_->response_started(); }

}  // namespace mix::http
