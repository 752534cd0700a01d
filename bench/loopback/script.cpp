#include "script.h"

namespace mix::bench {
namespace {

void put(base::Writer& out, base::ByteView bytes) {
  out.u32be(static_cast<std::uint32_t>(bytes.size())).bytes(bytes);
}

base::Result<base::ByteView> get(base::Reader& in) {
  MIX_TRY(const std::uint32_t size, in.u32be());
  return in.bytes(size);
}

}  // namespace

base::Bytes Script::encode() const {
  base::Writer out;
  put(out, base::as_bytes(root_pem));
  out.u32be(static_cast<std::uint32_t>(hello_size));
  put(out, flight);
  out.u32be(static_cast<std::uint32_t>(request_end));
  put(out, response);
  out.u32be(body_size);
  return out.take();
}

base::Result<Script> Script::decode(base::ByteView bytes) {
  base::Reader in{bytes};
  Script out;
  MIX_TRY(const base::ByteView root, get(in));
  MIX_TRY(const std::uint32_t hello_size, in.u32be());
  MIX_TRY(const base::ByteView flight, get(in));
  MIX_TRY(const std::uint32_t request_end, in.u32be());
  MIX_TRY(const base::ByteView response, get(in));
  MIX_TRY(out.body_size, in.u32be());
  MIX_CHECK(in.finish());
  out.root_pem = base::to_string(root);
  out.hello_size = hello_size;
  out.flight = base::to_bytes(flight);
  out.request_end = request_end;
  out.response = base::to_bytes(response);
  return out;
}

std::string response_head(std::size_t body_size) {
  return "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: " +
         std::to_string(body_size) + "\r\n\r\n";
}

base::Bytes make_body(std::size_t size) {
  base::Bytes out(size);
  for (std::size_t i = 0; i < size; ++i) out[i] = body_byte(i);
  return out;
}

std::string request_url(std::string_view scheme) {
  return std::string{scheme} + "://" + kHost + "/download";
}

}  // namespace mix::bench
