#include "mix/dns/message.h"

#include "mix/dns/constants.h"

namespace mix::dns {
namespace {

using base::ByteView;
using base::Errc;
using base::Reader;
using base::Result;

constexpr std::uint16_t kClassInternet = 1;
// RFC 1035 §4.1.1
constexpr std::uint16_t kFlagResponse = 0x8000;
constexpr std::uint16_t kFlagTruncated = 0x0200;
constexpr std::uint16_t kFlagRecursionDesired = 0x0100;
constexpr std::uint16_t kFlagAuthenticated = 0x0020;  // in a query: tell me (RFC 6840 §5.7)
constexpr int kOpcodeShift = 11;
constexpr std::uint16_t kOpcodeMask = 0x0f;
constexpr std::uint16_t kCodeMask = 0x0f;

// base_truncated of a Reader is a malformed message here.
template <class T>
Result<T> or_malformed(Result<T> result) {
  if (!result) return Errc::dns_malformed;
  return result;
}

// Walks through a message; names need the whole of it.
class Cursor {
 public:
  explicit Cursor(ByteView message) : message_(message) {}

  Result<std::uint16_t> u16() {
    Reader reader = rest();
    return moved(reader, or_malformed(reader.u16be()));
  }
  Result<std::uint32_t> u32() {
    Reader reader = rest();
    return moved(reader, or_malformed(reader.u32be()));
  }
  Result<ByteView> bytes(std::size_t n) {
    Reader reader = rest();
    return moved(reader, or_malformed(reader.bytes(n)));
  }
  Result<Name> name() {
    MIX_TRY(ReadName read, read_name(message_, at_));
    at_ = read.next;
    return std::move(read.name);
  }
  [[nodiscard]] std::size_t at() const { return at_; }

 private:
  [[nodiscard]] Reader rest() const { return Reader(message_.subspan(at_)); }
  template <class T>
  Result<T> moved(const Reader& reader, Result<T> result) {
    at_ = message_.size() - reader.remaining();
    return result;
  }

  ByteView message_;
  std::size_t at_ = 0;
};

struct Counts {
  std::uint16_t answers = 0, authorities = 0, additional = 0;
};

struct Head {
  Message message;
  Counts counts;
};

Result<Head> read_head(Cursor& cursor) {
  Head out;
  Message& message = out.message;
  MIX_TRY(message.id, cursor.u16());
  MIX_TRY(const std::uint16_t flags, cursor.u16());
  message.is_response = (flags & kFlagResponse) != 0;
  message.is_truncated = (flags & kFlagTruncated) != 0;
  message.is_authenticated = (flags & kFlagAuthenticated) != 0;
  message.opcode = static_cast<std::uint8_t>((flags >> kOpcodeShift) & kOpcodeMask);
  message.code = static_cast<ResponseCode>(flags & kCodeMask);
  MIX_TRY(const std::uint16_t num_questions, cursor.u16());
  MIX_TRY(out.counts.answers, cursor.u16());
  MIX_TRY(out.counts.authorities, cursor.u16());
  MIX_TRY(out.counts.additional, cursor.u16());
  for (int i = 0; i < num_questions; ++i) {
    Question question;
    MIX_TRY(question.name, cursor.name());
    MIX_TRY(const std::uint16_t type, cursor.u16());
    MIX_TRY(const std::uint16_t record_class, cursor.u16());
    question.type = static_cast<RecordType>(type);
    if (record_class == kClassInternet) message.questions.push_back(std::move(question));
  }
  return out;
}

// The data of a record, whose size must be exactly what its type needs.
Result<Record> read_record(ByteView message, Cursor& cursor) {
  Record out;
  MIX_TRY(out.owner, cursor.name());
  MIX_TRY(const std::uint16_t type, cursor.u16());
  MIX_TRY(const std::uint16_t record_class, cursor.u16());
  MIX_TRY(out.ttl, cursor.u32());
  if (out.ttl > kLargestTtl) out.ttl = 0;
  MIX_TRY(const std::uint16_t size, cursor.u16());
  const std::size_t begin = cursor.at();
  MIX_TRY(const ByteView data, cursor.bytes(size));
  out.type = static_cast<RecordType>(type);
  out.data = base::to_bytes(data);
  if (record_class != kClassInternet) return out;

  MIX_TRY(out.data, read_record_data(message, begin, size, out.type));
  return out;
}

}  // namespace

base::Bytes encode_query(std::uint16_t id, const Question& question, Edns edns) {
  base::Writer out;
  out.u16be(id).u16be(kFlagRecursionDesired | kFlagAuthenticated);
  out.u16be(1).u16be(0).u16be(0).u16be(edns == Edns::kOn ? 1 : 0);
  out.bytes(question.name.wire());
  out.u16be(static_cast<std::uint16_t>(question.type)).u16be(kClassInternet);
  if (edns == Edns::kOn) {
    // RFC 6891 §6.1.2: root, type, our datagram size in place of the class, no options.
    out.u8(0).u16be(static_cast<std::uint16_t>(RecordType::kOpt)).u16be(kEdnsPayloadSize);
    out.u32be(0).u16be(0);
  }
  return out.take();
}

base::Result<Message> decode_head(ByteView bytes) {
  Cursor cursor(bytes);
  MIX_TRY(Head head, read_head(cursor));
  return std::move(head.message);
}

base::Result<Message> decode_message(ByteView bytes) {
  Cursor cursor(bytes);
  MIX_TRY(Head head, read_head(cursor));
  Message out = std::move(head.message);
  if (out.is_truncated) return out;
  for (int i = 0; i < head.counts.answers; ++i) {
    MIX_TRY(Record record, read_record(bytes, cursor));
    out.answers.push_back(std::move(record));
  }
  for (int i = 0; i < head.counts.authorities; ++i) {
    MIX_TRY(Record record, read_record(bytes, cursor));
    out.authorities.push_back(std::move(record));
  }
  for (int i = 0; i < head.counts.additional; ++i) {
    MIX_CHECK([&]() -> Result<void> {
      MIX_TRY(const Record record, read_record(bytes, cursor));
      (void)record;
      return {};
    }());
  }
  return out;
}

}  // namespace mix::dns
