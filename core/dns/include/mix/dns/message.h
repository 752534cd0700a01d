// DNS messages as values (RFC 1035 §4): queries are written, answers are read.
//
// Answers come from strangers: names are bounded, compression pointers may only lead backwards,
// and every count is checked against the bytes that are there.
#pragma once

#include <cstdint>
#include <vector>

#include "mix/base/bytes.h"
#include "mix/dns/name.h"
#include "mix/dns/record.h"

namespace mix::dns {

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

/// A recursive query for one question of class IN, which asks whether the answer was authenticated.
[[nodiscard]] base::Bytes encode_query(std::uint16_t id, const Question& question, Edns edns);

struct Record {
  Name owner;
  RecordType type = RecordType::kA;
  std::uint32_t ttl = 0;  // seconds, zero when out of range
  RecordData data;
};

struct Message {
  std::uint16_t id = 0;
  bool is_response = false;
  bool is_truncated = false;
  bool is_authenticated = false;  // the resolver vouches for it (AD, RFC 4035 §3.2.3)
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
