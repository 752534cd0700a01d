#include "mix/dns/record.h"

#include <array>

namespace mix::dns {
namespace {

using base::ByteView;
using base::Errc;
using base::Reader;
using base::Result;

struct TypeName {
  std::string_view name;
  RecordType type;
};

constexpr std::array kTypeNames{
    TypeName{"A", RecordType::kA},         TypeName{"AAAA", RecordType::kAaaa},
    TypeName{"CNAME", RecordType::kCname}, TypeName{"TXT", RecordType::kTxt},
    TypeName{"MX", RecordType::kMx},       TypeName{"NS", RecordType::kNs},
    TypeName{"SRV", RecordType::kSrv},     TypeName{"PTR", RecordType::kPtr},
    TypeName{"SOA", RecordType::kSoa},     TypeName{"CAA", RecordType::kCaa},
    TypeName{"HTTPS", RecordType::kHttps}, TypeName{"SVCB", RecordType::kSvcb},
};

// The data of one record: numbers and strings in order, names perhaps by pointers into the message.
class Data {
 public:
  // The message is cut at the end of the data, so that nothing can run over it.
  Data(ByteView message, std::size_t begin, std::size_t size)
      : message_(message.first(begin + size)), at_(begin) {}

  Result<std::uint8_t> u8() { return moved(&Reader::u8); }
  Result<std::uint16_t> u16() { return moved(&Reader::u16be); }
  Result<std::uint32_t> u32() { return moved(&Reader::u32be); }
  Result<ByteView> bytes(std::size_t n) {
    Reader reader = rest();
    const auto taken = reader.bytes(n);
    if (!taken) return Errc::dns_malformed;
    at_ += n;
    return *taken;
  }
  Result<std::string> text(std::size_t n) {
    MIX_TRY(const ByteView view, bytes(n));
    return base::to_string(view);
  }
  Result<Name> name() {
    MIX_TRY(ReadName read, read_name(message_, at_));
    at_ = read.next;
    return std::move(read.name);
  }
  [[nodiscard]] std::size_t remaining() const { return message_.size() - at_; }

 private:
  [[nodiscard]] Reader rest() const { return Reader(message_.subspan(at_)); }
  template <class T>
  Result<T> moved(Result<T> (Reader::*take)()) {
    Reader reader = rest();
    auto value = (reader.*take)();
    if (!value) return Errc::dns_malformed;
    at_ = message_.size() - reader.remaining();
    return value;
  }

  ByteView message_;
  std::size_t at_;
};

template <class Address>
Result<RecordData> read_address(Data& data) {
  Address out;
  MIX_TRY(const ByteView octets, data.bytes(out.octets.size()));
  std::copy(octets.begin(), octets.end(), out.octets.begin());
  return RecordData{out};
}

Result<RecordData> read_soa(Data& data) {
  Soa out;
  MIX_TRY(out.primary, data.name());
  MIX_TRY(out.mailbox, data.name());
  for (std::uint32_t* number : {&out.serial, &out.refresh, &out.retry, &out.expire, &out.minimum}) {
    MIX_TRY(*number, data.u32());
  }
  return RecordData{std::move(out)};
}

Result<RecordData> read_mx(Data& data) {
  Mx out;
  MIX_TRY(out.preference, data.u16());
  MIX_TRY(out.exchange, data.name());
  return RecordData{std::move(out)};
}

Result<RecordData> read_srv(Data& data) {
  Srv out;
  for (std::uint16_t* number : {&out.priority, &out.weight, &out.port}) {
    MIX_TRY(*number, data.u16());
  }
  MIX_TRY(out.target, data.name());
  return RecordData{std::move(out)};
}

Result<RecordData> read_txt(Data& data) {
  Txt out;
  do {
    MIX_TRY(const std::uint8_t size, data.u8());
    MIX_TRY(std::string text, data.text(size));
    out.strings.push_back(std::move(text));
  } while (data.remaining() > 0);
  return RecordData{std::move(out)};
}

Result<RecordData> read_caa(Data& data) {
  Caa out;
  MIX_TRY(out.flags, data.u8());
  MIX_TRY(const std::uint8_t size, data.u8());
  if (size == 0) return Errc::dns_malformed;  // RFC 8659 §4.1
  MIX_TRY(out.tag, data.text(size));
  MIX_TRY(out.value, data.text(data.remaining()));
  return RecordData{std::move(out)};
}

Result<RecordData> read_svcb(Data& data) {
  Svcb out;
  MIX_TRY(out.priority, data.u16());
  MIX_TRY(out.target, data.name());
  while (data.remaining() > 0) {
    MIX_TRY(const std::uint16_t key, data.u16());
    // RFC 9460 §2.2: strictly ascending, or the record is malformed.
    if (!out.parameters.empty() && key <= out.parameters.back().first) return Errc::dns_malformed;
    MIX_TRY(const std::uint16_t size, data.u16());
    MIX_TRY(const ByteView value, data.bytes(size));
    out.parameters.emplace_back(key, base::to_bytes(value));
  }
  return RecordData{std::move(out)};
}

Result<RecordData> read_by_type(Data& data, RecordType type) {
  switch (type) {
    case RecordType::kA:
      return read_address<net::Ipv4>(data);
    case RecordType::kAaaa:
      return read_address<net::Ipv6>(data);
    case RecordType::kCname:
    case RecordType::kNs:
    case RecordType::kPtr: {
      MIX_TRY(Name name, data.name());
      return RecordData{std::move(name)};
    }
    case RecordType::kSoa:
      return read_soa(data);
    case RecordType::kMx:
      return read_mx(data);
    case RecordType::kSrv:
      return read_srv(data);
    case RecordType::kTxt:
      return read_txt(data);
    case RecordType::kCaa:
      return read_caa(data);
    case RecordType::kSvcb:
    case RecordType::kHttps:
      return read_svcb(data);
    case RecordType::kOpt:
      break;
  }
  MIX_TRY(const ByteView raw, data.bytes(data.remaining()));
  return RecordData{base::to_bytes(raw)};
}

}  // namespace

std::optional<RecordType> find_record_type(std::string_view name) {
  for (const TypeName& entry : kTypeNames) {
    if (entry.name == name) return entry.type;
  }
  return std::nullopt;
}

base::Result<RecordData> read_record_data(ByteView message, std::size_t begin, std::size_t size,
                                          RecordType type) {
  Data data(message, begin, size);
  MIX_TRY(RecordData out, read_by_type(data, type));
  if (data.remaining() > 0) return Errc::dns_malformed;
  return out;
}

}  // namespace mix::dns
