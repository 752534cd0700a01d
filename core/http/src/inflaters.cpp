#include "inflaters.h"

#include <brotli/decode.h>
#include <zlib.h>

#include <optional>

namespace mix::http::detail {
namespace {

using base::ByteView;
using base::Errc;
using base::Error;
using base::MutByteView;

// zlib's windowBits. spec: zlib.h, inflateInit2
constexpr int kWindowBits = 15;
constexpr int kGzipOnly = 16;
// data_type after a step that stopped at blocks' ends: the last block is behind us.
// spec: zlib.h, inflate
constexpr int kBlockEnded = 128, kLastBlock = 64;
// First byte of zlib's frame: method 8 in the low half, and the first two bytes are a multiple of
// 31. spec: RFC 1950 §2.2
constexpr unsigned kZlibMethodMask = 0x0F, kZlibMethod = 8, kZlibCheck = 31;

Error malformed(const char* what) { return {Errc::http_bad_coding, 0, what}; }

/// zlib's state machine. `window_bits` tells which frame it expects.
class Zlib {
 public:
  explicit Zlib(int window_bits) { ready_ = inflateInit2(&state_, window_bits) == Z_OK; }
  ~Zlib() { inflateEnd(&state_); }
  Zlib(const Zlib&) = delete;
  Zlib& operator=(const Zlib&) = delete;

  base::Result<InflateStep> step(ByteView in, MutByteView out) {
    if (!ready_) return Errc::net_out_of_memory;
    if (ended_) return InflateStep{};
    // zlib does not write to its input, whatever the type says.
    state_.next_in = const_cast<Bytef*>(in.data());
    state_.avail_in = static_cast<uInt>(in.size());
    state_.next_out = out.data();
    state_.avail_out = static_cast<uInt>(out.size());
    const int result = inflate(&state_, Z_BLOCK);
    ended_ = result == Z_STREAM_END;
    constexpr int kWhole = kBlockEnded + kLastBlock;
    whole_ = whole_ || ended_ || (state_.data_type & kWhole) == kWhole;
    // Z_BUF_ERROR: nothing could be moved, which is no failure.
    if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR) {
      return malformed("deflate data is malformed");
    }
    return InflateStep{in.size() - state_.avail_in, out.size() - state_.avail_out};
  }
  void restart() {
    ready_ = inflateReset(&state_) == Z_OK;
    ended_ = whole_ = false;
  }
  [[nodiscard]] bool ended() const { return ended_; }
  /// All data is there, perhaps without the frame's check behind it, which some servers cut off and
  /// browsers do not miss.
  [[nodiscard]] bool whole() const { return whole_; }

 private:
  z_stream state_{};
  bool ready_ = false;
  bool ended_ = false;
  bool whole_ = false;
};

class Gzip final : public Inflater {
 public:
  base::Result<InflateStep> step(ByteView in, MutByteView out) override {
    // After a member comes the next one; other bytes there are padding, as gzip itself sees it.
    if (zlib_.ended() && !in.empty()) {
      if (in.front() != kMagic) padding_ = true;
      if (padding_) return InflateStep{in.size(), 0};
      zlib_.restart();
    }
    begun_ |= !in.empty();
    return zlib_.step(in, out);
  }
  // No byte at all is an empty body, as servers send it with HEAD-like answers.
  [[nodiscard]] bool complete() const override { return zlib_.whole() || !begun_; }

 private:
  static constexpr std::uint8_t kMagic = 0x1F;  // spec: RFC 1952 §2.3.1
  Zlib zlib_{kWindowBits + kGzipOnly};
  bool padding_ = false;
  bool begun_ = false;
};

class Deflate final : public Inflater {
 public:
  base::Result<InflateStep> step(ByteView in, MutByteView out) override {
    if (!zlib_) {
      if (head_.empty() && in.empty()) return InflateStep{};
      // Two bytes tell the frame; the first may come alone.
      InflateStep step;
      while (head_.size() < 2 && step.taken < in.size()) head_.push_back(in[step.taken++]);
      if (head_.size() < 2) return step;
      const unsigned first = head_[0], second = head_[1];
      const bool framed =
          (first & kZlibMethodMask) == kZlibMethod && (first * 256 + second) % kZlibCheck == 0;
      zlib_.emplace(framed ? kWindowBits : -kWindowBits);
      MIX_TRY(const InflateStep begun, zlib_->step(head_, out));
      step.given = begun.given;
      return step;
    }
    // What follows the end is ignored.
    if (zlib_->ended()) return InflateStep{in.size(), 0};
    return zlib_->step(in, out);
  }
  [[nodiscard]] bool complete() const override { return zlib_ ? zlib_->whole() : head_.empty(); }

 private:
  base::Bytes head_;
  std::optional<Zlib> zlib_;
};

class Brotli final : public Inflater {
 public:
  Brotli() : state_(BrotliDecoderCreateInstance(nullptr, nullptr, nullptr)) {}
  ~Brotli() override { BrotliDecoderDestroyInstance(state_); }

  base::Result<InflateStep> step(ByteView in, MutByteView out) override {
    if (state_ == nullptr) return Errc::net_out_of_memory;
    if (BrotliDecoderIsFinished(state_) == BROTLI_TRUE) return InflateStep{in.size(), 0};
    begun_ |= !in.empty();
    std::size_t in_left = in.size(), out_left = out.size();
    const std::uint8_t* next_in = in.data();
    std::uint8_t* next_out = out.data();
    const auto result =
        BrotliDecoderDecompressStream(state_, &in_left, &next_in, &out_left, &next_out, nullptr);
    if (result == BROTLI_DECODER_RESULT_ERROR) return malformed("brotli data is malformed");
    return InflateStep{in.size() - in_left, out.size() - out_left};
  }
  [[nodiscard]] bool complete() const override {
    return !begun_ || (state_ != nullptr && BrotliDecoderIsFinished(state_) == BROTLI_TRUE);
  }

 private:
  BrotliDecoderState* state_;
  bool begun_ = false;
};

}  // namespace

std::unique_ptr<Inflater> make_gzip() { return std::make_unique<Gzip>(); }
std::unique_ptr<Inflater> make_deflate() { return std::make_unique<Deflate>(); }
std::unique_ptr<Inflater> make_brotli() { return std::make_unique<Brotli>(); }

}  // namespace mix::http::detail
