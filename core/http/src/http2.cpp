// The connection's side of nghttp2: its callbacks only hand over to the exchanges; bytes move in
// `advance`.
#include "mix/http/http2.h"

#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <array>
#include <set>
#include <vector>

#include "constants.h"
#include "http2_exchange.h"
#include "text.h"

namespace mix::http {
namespace {

using base::ByteView;
using base::Errc;
using base::Error;
using detail::Http2Exchange;

constexpr int kStop = NGHTTP2_ERR_CALLBACK_FAILURE;
constexpr int kResetStream = NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;

/// Belong to the connection in HTTP/1.1 and do not exist here. spec: RFC 9113 §8.2.2
bool is_connection_header(std::string_view name) {
  constexpr std::string_view kNames[] = {
      "connection",        "host",    "keep-alive",     "proxy-connection", "te",
      "transfer-encoding", "upgrade", "http2-settings", "content-length"};
  return std::ranges::any_of(
      kNames, [&](std::string_view entry) { return equal_ignoring_case(entry, name); });
}

/// Not to be kept in compression tables, where guesses could be checked. spec: RFC 7541 §7.1.3
bool is_secret(std::string_view name) {
  return name == "authorization" || name == "cookie" || name == "proxy-authorization";
}

/// The fields of a request, with the text that they point to.
class RequestFields {
 public:
  explicit RequestFields(const Request& request, std::optional<std::uint64_t> length) {
    add(":method", request.method);
    add(":scheme", request.url.scheme);
    add(":authority", find_header(request.headers, "host").value_or(request.url.authority()));
    add(":path", request.url.path);
    for (const auto& [name, value] : request.headers) {
      if (!is_connection_header(name)) add(lower(name), std::string{trim(value)});
    }
    if (length) add("content-length", std::to_string(*length));
    for (auto& [name, value] : text_) {
      fields_.push_back({as_wire(name), as_wire(value), name.size(), value.size(),
                         static_cast<std::uint8_t>(is_secret(name) ? NGHTTP2_NV_FLAG_NO_INDEX
                                                                   : NGHTTP2_NV_FLAG_NONE)});
    }
  }
  [[nodiscard]] const std::vector<nghttp2_nv>& view() const { return fields_; }

 private:
  void add(std::string name, std::string value) {
    text_.emplace_back(std::move(name), std::move(value));
  }
  // nghttp2 copies and does not write, whatever the type says.
  static std::uint8_t* as_wire(const std::string& text) {
    return const_cast<std::uint8_t*>(base::as_bytes(text).data());
  }
  std::vector<std::pair<std::string, std::string>> text_;
  std::vector<nghttp2_nv> fields_;
};

std::optional<std::uint64_t> stated_length(const Request& request) {
  if (request.streamed) return request.streamed->length;
  if (!request.body.empty()) return request.body.size();
  const bool sends =
      request.method == "POST" || request.method == "PUT" || request.method == "PATCH";
  return sends ? std::optional<std::uint64_t>{0} : std::nullopt;
}

}  // namespace

class Http2Connection::Impl final : public detail::Http2Streams {
 public:
  Impl(std::unique_ptr<net::Stream> stream, const Limits& limits)
      : stream_(std::move(stream)), limits_(limits) {
    nghttp2_session_callbacks* callbacks = nullptr;
    nghttp2_option* option = nullptr;
    if (nghttp2_session_callbacks_new(&callbacks) != 0 || nghttp2_option_new(&option) != 0) {
      base::panic("http2: out of memory");
    }
    set_callbacks(callbacks);
    // Windows follow the readers.
    nghttp2_option_set_no_auto_window_update(option, 1);
    nghttp2_option_set_max_deflate_dynamic_table_size(option, detail::kHttp2TableSize);
    const int made = nghttp2_session_client_new2(&session_, callbacks, this, option);
    nghttp2_option_del(option);
    nghttp2_session_callbacks_del(callbacks);
    if (made != 0) base::panic("http2: out of memory");
    const std::array<nghttp2_settings_entry, 3> settings = {{
        {NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, detail::kHttp2StreamWindow},
        {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, static_cast<std::uint32_t>(limits.max_head_bytes)},
    }};
    nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, settings.data(), settings.size());
    nghttp2_session_set_local_window_size(session_, NGHTTP2_FLAG_NONE, 0,
                                          detail::kHttp2ConnectionWindow);
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  ~Impl() {
    fail_all(Error{Errc::net_closed});
    for (Http2Exchange* exchange : exchanges_) exchange->detach();
    nghttp2_session_del(session_);
  }

  std::unique_ptr<Exchange> open(Request request) {
    const bool has_body = request.has_body();
    const RequestFields fields{request, stated_length(request)};
    auto exchange = std::make_unique<Http2Exchange>(std::move(request), limits_);
    if (failure_) {
      exchange->fail(*failure_);
      return exchange;
    }
    nghttp2_data_provider2 body{};
    body.read_callback = &Impl::read_body;
    const std::int32_t id =
        nghttp2_submit_request2(session_, nullptr, fields.view().data(), fields.view().size(),
                                has_body ? &body : nullptr, exchange.get());
    if (id < 0) {
      exchange->fail(Error{Errc::http2_refused});
      return exchange;
    }
    exchange->attach(*this, id);
    exchanges_.insert(exchange.get());
    return exchange;
  }

  bool advance(base::TimePoint now) {
    stream_->advance(now);
    if (failure_) return false;
    bool moved = receive();
    moved |= flush();
    judge();
    return moved;
  }

  [[nodiscard]] base::Deadline next_deadline() const { return stream_->next_deadline(); }

  [[nodiscard]] bool accepts() const {
    if (failure_ || closing_ || nghttp2_session_check_request_allowed(session_) == 0) return false;
    const std::uint32_t allowed =
        nghttp2_session_get_remote_settings(session_, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);
    return active() < std::min(allowed, detail::kHttp2MaxStreams);
  }
  [[nodiscard]] bool finished() const {
    if (failure_) return true;
    return pending_.empty() && nghttp2_session_want_read(session_) == 0 &&
           nghttp2_session_want_write(session_) == 0;
  }
  [[nodiscard]] std::size_t active() const { return exchanges_.size(); }

  void close() {
    if (failure_ || closing_) return;
    closing_ = true;
    nghttp2_submit_goaway(session_, NGHTTP2_FLAG_NONE, 0, NGHTTP2_NO_ERROR, nullptr, 0);
    (void)flush();
    if (exchanges_.empty()) stream_->shutdown();
  }

  // --- Http2Streams ---
  void body_waits(std::int32_t stream) override {
    // Fails when the body was not asked for yet, which is as good.
    (void)nghttp2_session_resume_data(session_, stream);
  }
  void body_taken(std::int32_t stream, std::size_t bytes) override {
    (void)nghttp2_session_consume_stream(session_, stream, bytes);
  }
  void abandon(Http2Exchange& exchange) override {
    exchanges_.erase(&exchange);
    (void)nghttp2_session_set_stream_user_data(session_, exchange.id(), nullptr);
    (void)nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, exchange.id(), NGHTTP2_CANCEL);
  }
  [[nodiscard]] std::uint64_t confirmed() const override {
    const std::uint64_t taken = made_ - pending_.size();
    return taken - std::min<std::uint64_t>(taken, stream_->unacknowledged());
  }

 private:
  static Impl& self(void* user_data) { return *static_cast<Impl*>(user_data); }
  static Http2Exchange* find(nghttp2_session* session, std::int32_t stream) {
    return static_cast<Http2Exchange*>(nghttp2_session_get_stream_user_data(session, stream));
  }
  static std::string_view text(const std::uint8_t* bytes, std::size_t size) {
    return base::as_text({bytes, size});
  }

  static void set_callbacks(nghttp2_session_callbacks* callbacks) {
    nghttp2_session_callbacks_set_on_header_callback(
        callbacks, [](nghttp2_session* session, const nghttp2_frame* frame,
                      const std::uint8_t* name, std::size_t name_size, const std::uint8_t* value,
                      std::size_t value_size, std::uint8_t, void*) {
          Http2Exchange* exchange = find(session, frame->hd.stream_id);
          if (exchange == nullptr) return 0;
          return exchange->field(text(name, name_size), text(value, value_size)) ? 0 : kResetStream;
        });
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(
        callbacks, [](nghttp2_session* session, std::uint8_t, std::int32_t stream,
                      const std::uint8_t* bytes, std::size_t size, void*) {
          if (Http2Exchange* exchange = find(session, stream)) exchange->data({bytes, size});
          return nghttp2_session_consume_connection(session, size) == 0 ? 0 : kStop;
        });
    nghttp2_session_callbacks_set_on_frame_recv_callback(
        callbacks, [](nghttp2_session* session, const nghttp2_frame* frame, void*) {
          Http2Exchange* exchange = find(session, frame->hd.stream_id);
          if (exchange == nullptr) return 0;
          const bool message = frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA;
          if (frame->hd.type == NGHTTP2_HEADERS) exchange->fields_end();
          if (message && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0) {
            exchange->response_end();
          }
          return 0;
        });
    nghttp2_session_callbacks_set_on_frame_send_callback(
        callbacks, [](nghttp2_session* session, const nghttp2_frame* frame, void* user_data) {
          Http2Exchange* exchange = find(session, frame->hd.stream_id);
          if (exchange == nullptr) return 0;
          if (frame->hd.type == NGHTTP2_HEADERS) exchange->head_sent(frame->hd.length);
          if (frame->hd.type == NGHTTP2_DATA) exchange->body_sent(frame->hd.length);
          if ((frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0) {
            exchange->all_sent(self(user_data).made_);
          }
          return 0;
        });
    nghttp2_session_callbacks_set_on_stream_close_callback(
        callbacks,
        [](nghttp2_session* session, std::int32_t stream, std::uint32_t code, void* user_data) {
          if (Http2Exchange* exchange = find(session, stream)) {
            exchange->closed(code);
            exchange->detach();
            self(user_data).exchanges_.erase(exchange);
          }
          return 0;
        });
    // A request that never left: the peer allowed no more, or said goodbye.
    nghttp2_session_callbacks_set_on_frame_not_send_callback(
        callbacks, [](nghttp2_session* session, const nghttp2_frame* frame, int, void* user_data) {
          if (frame->hd.type != NGHTTP2_HEADERS) return 0;
          Http2Exchange* exchange = self(user_data).waiting(frame->hd.stream_id);
          if (exchange == nullptr) return 0;
          (void)nghttp2_session_set_stream_user_data(session, frame->hd.stream_id, nullptr);
          exchange->fail(Error{Errc::http2_refused});
          exchange->detach();
          self(user_data).exchanges_.erase(exchange);
          return 0;
        });
  }

  Http2Exchange* waiting(std::int32_t id) {
    const auto it = std::ranges::find_if(
        exchanges_, [id](const Http2Exchange* exchange) { return exchange->id() == id; });
    return it == exchanges_.end() ? nullptr : *it;
  }

  static nghttp2_ssize read_body(nghttp2_session* session, std::int32_t stream, std::uint8_t* out,
                                 std::size_t size, std::uint32_t* flags, nghttp2_data_source*,
                                 void*) {
    Http2Exchange* exchange = find(session, stream);
    if (exchange == nullptr) return kResetStream;
    const std::size_t taken = exchange->take_body({out, size});
    if (exchange->body_ended()) {
      *flags |= NGHTTP2_DATA_FLAG_EOF;
    } else if (taken == 0) {
      return NGHTTP2_ERR_DEFERRED;
    }
    return static_cast<nghttp2_ssize>(taken);
  }

  bool receive() {
    if (stream_->readable() == 0) return false;
    base::Bytes buffer(detail::kReadSize);
    while (const std::size_t got = stream_->read(buffer)) {
      const auto taken = nghttp2_session_mem_recv2(session_, buffer.data(), got);
      if (taken < 0) {
        broken(Error{Errc::http2_protocol, static_cast<std::uint32_t>(-taken),
                     nghttp2_strerror(static_cast<int>(taken))});
        return true;
      }
    }
    return true;
  }

  /// Frames are gathered, so that small ones share a TLS record.
  bool flush() {
    bool moved = false;
    while (true) {
      while (pending_.size() < detail::kReadSize) {
        const std::uint8_t* bytes = nullptr;
        const auto size = nghttp2_session_mem_send2(session_, &bytes);
        if (size < 0) {
          broken(Error{Errc::http2_protocol, static_cast<std::uint32_t>(-size),
                       nghttp2_strerror(static_cast<int>(size))});
          return true;
        }
        if (size == 0) break;
        base::append(pending_, {bytes, static_cast<std::size_t>(size)});
        made_ += static_cast<std::uint64_t>(size);
      }
      if (pending_.empty()) return moved;
      const auto taken = stream_->write(pending_);
      if (!taken) {
        // What the peer said before may still be read; judge() looks at the stream.
        write_failure_ = taken.error();
        pending_.clear();
        return true;
      }
      if (*taken == 0) return moved;
      moved = true;
      pending_.erase(pending_.begin(), pending_.begin() + static_cast<std::ptrdiff_t>(*taken));
    }
  }

  /// What the state of the stream below means.
  void judge() {
    if (failure_ || stream_->readable() > 0) return;
    if (stream_->state() == net::StreamState::kFailed) {
      broken(stream_->error().value_or(Error{Errc::net_connection_reset}));
    } else if (stream_->at_end()) {
      broken(Error{Errc::http_truncated, 0, "the server closed the HTTP/2 connection"});
    } else if (write_failure_) {
      broken(*write_failure_);
    } else if (nghttp2_session_want_read(session_) == 0 &&
               nghttp2_session_want_write(session_) == 0 && pending_.empty()) {
      stream_->shutdown();
      broken(Error{Errc::http2_protocol, 0, "the HTTP/2 session ended"});
    }
  }

  void broken(Error error) {
    if (failure_) return;
    failure_ = std::move(error);
    if (failure_->code == Errc::http2_protocol) {
      // The peer should learn why.
      if (!pending_.empty()) (void)stream_->write(pending_);
      stream_->shutdown();
    }
    fail_all(*failure_);
  }

  void fail_all(const Error& error) {
    for (Http2Exchange* exchange : exchanges_) exchange->fail(error);
  }

  std::unique_ptr<net::Stream> stream_;
  const Limits limits_;
  nghttp2_session* session_ = nullptr;
  std::set<Http2Exchange*> exchanges_;  // theirs to destroy; they call abandon()
  base::Bytes pending_;                 // for the stream
  std::uint64_t made_ = 0;              // bytes that ever were in it
  std::optional<Error> write_failure_;
  std::optional<Error> failure_;
  bool closing_ = false;
};

Http2Connection::Http2Connection(std::unique_ptr<net::Stream> stream, const Limits& limits)
    : impl_(std::make_unique<Impl>(std::move(stream), limits)) {}
Http2Connection::~Http2Connection() = default;

std::unique_ptr<Exchange> Http2Connection::open(Request request) {
  return impl_->open(std::move(request));
}
bool Http2Connection::advance(base::TimePoint now) { return impl_->advance(now); }
base::Deadline Http2Connection::next_deadline() const { return impl_->next_deadline(); }
bool Http2Connection::accepts() const { return impl_->accepts(); }
bool Http2Connection::finished() const { return impl_->finished(); }
std::size_t Http2Connection::active() const { return impl_->active(); }
void Http2Connection::close() { impl_->close(); }

}  // namespace mix::http
