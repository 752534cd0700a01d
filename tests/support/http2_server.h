// The server's side of an HTTP/2 connection, made of nghttp2.
#pragma once

#include <gtest/gtest.h>
#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "mix/base/bytes.h"
#include "mix/net/stream.h"

namespace mix::test {

/// What the server saw of one request, and what it has yet to send.
struct Http2Served {
  std::map<std::string, std::string> fields;
  std::string body;
  bool ended = false;
  std::string response;  // body to send
  std::size_t offset = 0;
};

class Http2Server {
 public:
  explicit Http2Server(net::Stream& stream, std::uint32_t max_streams = 100) : stream_(stream) {
    nghttp2_session_callbacks* callbacks = nullptr;
    nghttp2_session_callbacks_new(&callbacks);
    nghttp2_session_callbacks_set_on_header_callback(
        callbacks, [](nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name,
                      std::size_t name_size, const std::uint8_t* value, std::size_t value_size,
                      std::uint8_t, void* self) {
          auto& fields = static_cast<Http2Server*>(self)->served[frame->hd.stream_id].fields;
          fields.emplace(base::to_string({name, name_size}), base::to_string({value, value_size}));
          return 0;
        });
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(
        callbacks, [](nghttp2_session*, std::uint8_t, std::int32_t stream,
                      const std::uint8_t* bytes, std::size_t size, void* self) {
          static_cast<Http2Server*>(self)->served[stream].body += base::as_text({bytes, size});
          return 0;
        });
    nghttp2_session_callbacks_set_on_frame_recv_callback(
        callbacks, [](nghttp2_session*, const nghttp2_frame* frame, void* self) {
          auto& server = *static_cast<Http2Server*>(self);
          const bool message = frame->hd.type == NGHTTP2_DATA || frame->hd.type == NGHTTP2_HEADERS;
          if (message && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0) {
            server.served[frame->hd.stream_id].ended = true;
          }
          if (frame->hd.type == NGHTTP2_RST_STREAM) {
            server.resets[frame->hd.stream_id] = frame->rst_stream.error_code;
          }
          if (frame->hd.type == NGHTTP2_GOAWAY) server.goodbye = true;
          return 0;
        });
    nghttp2_session_server_new(&session, callbacks, this);
    nghttp2_session_callbacks_del(callbacks);
    const nghttp2_settings_entry settings{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, max_streams};
    nghttp2_submit_settings(session, NGHTTP2_FLAG_NONE, &settings, 1);
  }
  Http2Server(const Http2Server&) = delete;
  Http2Server& operator=(const Http2Server&) = delete;
  ~Http2Server() { nghttp2_session_del(session); }

  void turn() {
    base::Bytes buffer(64 * 1024);
    while (const std::size_t size = stream_.read(buffer)) {
      ASSERT_EQ(nghttp2_session_mem_recv2(session, buffer.data(), size),
                static_cast<nghttp2_ssize>(size));
    }
    const std::uint8_t* bytes = nullptr;
    while (true) {
      const auto size = nghttp2_session_mem_send2(session, &bytes);
      if (size <= 0) break;
      const auto taken = stream_.write({bytes, static_cast<std::size_t>(size)});
      ASSERT_TRUE(taken && *taken == static_cast<std::size_t>(size)) << "the pipe is too small";
      sent += *taken;
    }
  }

  void respond(std::int32_t stream, const std::vector<std::pair<std::string, std::string>>& fields,
               std::string body) {
    std::vector<nghttp2_nv> list;
    list.reserve(fields.size());
    for (const auto& [name, value] : fields) list.push_back(field(name, value));
    served[stream].response = std::move(body);
    nghttp2_data_provider2 provider{};
    provider.source.ptr = &served[stream];
    provider.read_callback = [](nghttp2_session*, std::int32_t, std::uint8_t* out, std::size_t size,
                                std::uint32_t* flags, nghttp2_data_source* source, void*) {
      auto& own = *static_cast<Http2Served*>(source->ptr);
      const std::size_t n = std::min(size, own.response.size() - own.offset);
      std::copy_n(own.response.begin() + static_cast<std::ptrdiff_t>(own.offset), n, out);
      own.offset += n;
      if (own.offset == own.response.size()) *flags |= NGHTTP2_DATA_FLAG_EOF;
      return static_cast<nghttp2_ssize>(n);
    };
    ASSERT_EQ(nghttp2_submit_response2(session, stream, list.data(), list.size(), &provider), 0);
  }

  static nghttp2_nv field(const std::string& name, const std::string& value) {
    const auto wire = [](const std::string& text) {
      return const_cast<std::uint8_t*>(base::as_bytes(text).data());
    };
    return {wire(name), wire(value), name.size(), value.size(), NGHTTP2_NV_FLAG_NONE};
  }

  nghttp2_session* session = nullptr;
  std::map<std::int32_t, Http2Served> served;
  std::map<std::int32_t, std::uint32_t> resets;
  bool goodbye = false;
  std::size_t sent = 0;

 private:
  net::Stream& stream_;
};

}  // namespace mix::test
