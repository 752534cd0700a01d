// Domain names in wire form (RFC 1035 §3.1).
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "mix/base/bytes.h"
#include "mix/base/rng.h"
#include "mix/net/address.h"

namespace mix::dns {

struct ReadName;

/// A domain name in wire form. Equality ignores the case of ASCII letters (RFC 4343).
class Name {
 public:
  /// The root.
  Name() : wire_{0} {}
  /// Reads a host name: ASCII letters, digits, hyphens and underscores in labels; one final dot is
  /// allowed. Errors: `dns_bad_name`.
  [[nodiscard]] static base::Result<Name> parse(std::string_view text);
  /// The name whose PTR records name the host of an address (RFC 1035 §3.5, RFC 3596 §2.5).
  [[nodiscard]] static Name reverse_of(const net::IpAddress& address);

  [[nodiscard]] base::ByteView wire() const { return wire_; }
  [[nodiscard]] std::size_t num_labels() const;
  /// The label from the right, in lower case; 0 is the top-level domain. Empty beyond the last.
  [[nodiscard]] std::string label_from_right(std::size_t index) const;
  /// Dotted text; bytes that a host name lacks appear as `\DDD`. The root is empty.
  [[nodiscard]] std::string text() const;
  /// Wire form in lower case: equal names have equal keys.
  [[nodiscard]] base::Bytes key() const;
  /// The same name with each letter in a random case: an answer that repeats it was made by
  /// someone who saw the question.
  [[nodiscard]] Name with_random_case(base::Rng& rng) const;

  [[nodiscard]] bool is_identical(const Name& other) const { return wire_ == other.wire_; }
  friend bool operator==(const Name& a, const Name& b) { return a.key() == b.key(); }

 private:
  friend base::Result<ReadName> read_name(base::ByteView message, std::size_t at);
  explicit Name(base::Bytes wire) : wire_(std::move(wire)) {}

  base::Bytes wire_;  // sound: lengths that add up, then the root
};

/// A name and where the bytes after it begin.
struct ReadName {
  Name name;
  std::size_t next = 0;
};

/// Reads the name at an offset of a message, following pointers. Errors: `dns_malformed`.
[[nodiscard]] base::Result<ReadName> read_name(base::ByteView message, std::size_t at);

}  // namespace mix::dns
