// DNS messages as values (RFC 1035 §4): queries are written, answers are read.
//
// Answers come from strangers: names are bounded, compression pointers may only lead backwards,
// and every count is checked against the bytes that are there.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

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

  [[nodiscard]] base::ByteView wire() const { return wire_; }
  [[nodiscard]] std::size_t num_labels() const;
  /// The label from the right, in lower case; 0 is the top-level domain. Empty beyond the last.
  [[nodiscard]] std::string label_from_right(std::size_t index) const;
  /// Dotted text; bytes that a host name lacks appear as \DDD.
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

/// Numbers of RFC 1035 §3.2.2, 3596 and 6891. Others pass through as they are.
enum class RecordType : std::uint16_t { kA = 1, kCname = 5, kSoa = 6, kAaaa = 28, kOpt = 41 };

/// RFC 1035 §4.1.1, RFC 6895. Others pass through.
enum class ResponseCode : std::uint8_t {
  kNoError = 0,
  kFormatError = 1,
  kServerFailure = 2,
  kNameError = 3,  // NXDOMAIN
  kNotImplemented = 4,
  kRefused = 5,
};

struct Question {
  Name name;
  RecordType type = RecordType::kA;
};

enum class Edns : bool { kOff, kOn };

/// A recursive query for one question of class IN.
[[nodiscard]] base::Bytes encode_query(std::uint16_t id, const Question& question, Edns edns);

/// What we keep of a start of authority: how long its "no" may be believed.
struct Authority {
  std::uint32_t minimum = 0;  // seconds
};

struct Record {
  Name owner;
  RecordType type = RecordType::kA;
  std::uint32_t ttl = 0;  // seconds, zero when out of range
  /// Bytes: of a type or class that nobody here reads.
  std::variant<net::Ipv4, net::Ipv6, Name, Authority, base::Bytes> data;
};

struct Message {
  std::uint16_t id = 0;
  bool is_response = false;
  bool is_truncated = false;
  std::uint8_t opcode = 0;
  ResponseCode code = ResponseCode::kNoError;
  std::vector<Question> questions;  // of class IN
  std::vector<Record> answers;
  std::vector<Record> authorities;
};

/// Header and questions only: enough to tell whether a message answers a query of ours.
/// Errors: `dns_malformed`.
[[nodiscard]] base::Result<Message> decode_head(base::ByteView bytes);
/// Tolerates bytes after the last record. Additional records are checked, not kept; when the
/// truncation flag is set, only the head is read. Errors: `dns_malformed`.
[[nodiscard]] base::Result<Message> decode_message(base::ByteView bytes);

}  // namespace mix::dns
