// The decoders behind decoding.h, one content coding each, with a common face.
#pragma once

#include <memory>

#include "mix/base/bytes.h"
#include "mix/base/result.h"

namespace mix::http::detail {

/// What one step of a decoder did.
struct InflateStep {
  std::size_t taken = 0;  // of the input
  std::size_t given = 0;  // into the output
};

class Inflater {
 public:
  Inflater() = default;
  virtual ~Inflater() = default;
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  /// Moves what can be moved. Errors: `http_bad_coding`.
  [[nodiscard]] virtual base::Result<InflateStep> step(base::ByteView in,
                                                       base::MutByteView out) = 0;
  /// The input may end here.
  [[nodiscard]] virtual bool complete() const = 0;
};

/// gzip of one or several members (RFC 1952).
[[nodiscard]] std::unique_ptr<Inflater> make_gzip();
/// zlib's format (RFC 1950), or bare deflate (RFC 1951) as some servers send it.
[[nodiscard]] std::unique_ptr<Inflater> make_deflate();
/// brotli (RFC 7932).
[[nodiscard]] std::unique_ptr<Inflater> make_brotli();

}  // namespace mix::http::detail
