#include "deflate.h"

#include <zlib.h>

#include <array>
#include <charconv>
#include <vector>

#include "text.h"

namespace mix::websocket {
namespace {

using base::Errc;
using base::Error;

constexpr int kMinWindow = 8, kMaxWindow = 15;  // RFC 7692 §7.1.2
constexpr int kMinZlibWindow = 9;
constexpr int kMemoryLevel = 8;
constexpr std::size_t kPiece = 16 * 1024;
/// What a sync flush ends with; left out on the wire (RFC 7692 §7.2.1).
constexpr std::array<std::uint8_t, 4> kTail{0x00, 0x00, 0xff, 0xff};

Error refused(std::string why) { return {Errc::ws_bad_handshake, 0, std::move(why)}; }

base::Result<int> read_window(std::string_view value) {
  int bits = 0;
  const auto [stop, status] = std::from_chars(value.data(), value.data() + value.size(), bits);
  if (status != std::errc{} || stop != value.data() + value.size() || bits < kMinWindow ||
      bits > kMaxWindow || value.front() == '0') {
    return refused("a bad window of permessage-deflate");
  }
  return bits;
}

}  // namespace

std::string_view deflate_offer() { return "permessage-deflate; client_max_window_bits"; }

base::Result<DeflateTerms> read_deflate_terms(std::string_view text) {
  DeflateTerms terms;
  std::vector<std::string_view> seen;
  std::string_view rest = text;
  if (trim(take_until(rest, ';')) != "permessage-deflate") {
    return refused("an extension that was not offered");
  }
  while (!rest.empty()) {
    std::string_view value = trim(take_until(rest, ';'));
    const std::string_view name = trim(take_until(value, '='));
    value = unquoted(trim(value));
    if (std::find(seen.begin(), seen.end(), name) != seen.end()) {
      return refused("a parameter of permessage-deflate twice");
    }
    seen.push_back(name);
    if (name == "server_no_context_takeover" && value.empty()) {
      terms.server_takeover = Takeover::kNo;
    } else if (name == "client_no_context_takeover" && value.empty()) {
      terms.client_takeover = Takeover::kNo;
    } else if (name == "server_max_window_bits" && !value.empty()) {
      MIX_TRY(terms.server_window, read_window(value));
    } else if (name == "client_max_window_bits" && !value.empty()) {
      MIX_TRY(terms.client_window, read_window(value));
    } else {
      return refused("an unknown parameter of permessage-deflate");
    }
  }
  return terms;
}

class Deflater::Impl {
 public:
  explicit Impl(const DeflateTerms& terms) : takeover_(terms.client_takeover) {
    if (terms.client_window < kMinZlibWindow) return;
    usable_ = deflateInit2(&stream_, Z_DEFAULT_COMPRESSION, Z_DEFLATED, -terms.client_window,
                           kMemoryLevel, Z_DEFAULT_STRATEGY) == Z_OK;
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  ~Impl() {
    if (usable_) deflateEnd(&stream_);
  }
  [[nodiscard]] bool is_usable() const { return usable_; }

  base::Bytes compress(base::ByteView message) {
    base::Bytes out;
    base::Bytes in = base::to_bytes(message);  // zlib wants it mutable
    base::Bytes piece(kPiece);
    stream_.next_in = in.data();
    stream_.avail_in = static_cast<uInt>(in.size());
    do {
      stream_.next_out = piece.data();
      stream_.avail_out = static_cast<uInt>(piece.size());
      (void)deflate(&stream_, Z_SYNC_FLUSH);  // cannot fail: the state is sound
      base::append(out, base::ByteView{piece}.first(piece.size() - stream_.avail_out));
    } while (stream_.avail_out == 0);
    out.resize(out.size() - std::min(out.size(), kTail.size()));
    // RFC 7692 §7.2.3.6: an empty message still needs a block.
    if (out.empty()) out.push_back(0x00);
    if (takeover_ == Takeover::kNo) deflateReset(&stream_);
    return out;
  }

 private:
  const Takeover takeover_;
  z_stream stream_{};
  bool usable_ = false;
};

Deflater::Deflater(const DeflateTerms& terms) : impl_(std::make_unique<Impl>(terms)) {}
Deflater::~Deflater() = default;
bool Deflater::is_usable() const { return impl_->is_usable(); }
base::Bytes Deflater::compress(base::ByteView message) { return impl_->compress(message); }

class Inflater::Impl {
 public:
  explicit Impl(const DeflateTerms& terms) : takeover_(terms.server_takeover) {
    // The window may be larger than agreed, and zlib's smallest is not reliable.
    usable_ = inflateInit2(&stream_, -kMaxWindow) == Z_OK;
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  ~Impl() {
    if (usable_) inflateEnd(&stream_);
  }

  base::Result<void> feed(base::ByteView piece, base::Bytes& out, std::size_t limit) {
    if (!usable_) return Error{Errc::internal_error, 0, "no memory for zlib"};
    base::Bytes in = base::to_bytes(piece);
    base::Bytes buffer(kPiece);
    stream_.next_in = in.data();
    stream_.avail_in = static_cast<uInt>(in.size());
    bool is_full = true;  // more output may wait
    while (stream_.avail_in > 0 || is_full) {
      stream_.next_out = buffer.data();
      stream_.avail_out = static_cast<uInt>(buffer.size());
      const int status = inflate(&stream_, Z_SYNC_FLUSH);
      const std::size_t got = buffer.size() - stream_.avail_out;
      if (got > limit - std::min(limit, out.size())) return Errc::ws_message_too_big;
      base::append(out, base::ByteView{buffer}.first(got));
      is_full = stream_.avail_out == 0;
      if (status == Z_STREAM_END) {
        // RFC 7692 §7.2.3.4: a final block ends a stream, another may follow.
        inflateReset(&stream_);
        continue;
      }
      if (status == Z_BUF_ERROR) break;  // nothing more to do for now
      if (status != Z_OK) return Error{Errc::ws_protocol, 0, "compressed data is damaged"};
    }
    return {};
  }

  base::Result<void> finish(base::Bytes& out, std::size_t limit) {
    MIX_CHECK(feed(kTail, out, limit));
    if (takeover_ == Takeover::kNo) inflateReset(&stream_);
    return {};
  }

 private:
  const Takeover takeover_;
  z_stream stream_{};
  bool usable_ = false;
};

Inflater::Inflater(const DeflateTerms& terms) : impl_(std::make_unique<Impl>(terms)) {}
Inflater::~Inflater() = default;
base::Result<void> Inflater::feed(base::ByteView piece, base::Bytes& out, std::size_t limit) {
  return impl_->feed(piece, out, limit);
}
base::Result<void> Inflater::finish(base::Bytes& out, std::size_t limit) {
  return impl_->finish(out, limit);
}

}  // namespace mix::websocket
