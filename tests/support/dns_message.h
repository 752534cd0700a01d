// DNS from the server's side, written apart from mix::dns so that both cannot share a mistake.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "mix/base/bytes.h"
#include "mix/net/address.h"

namespace mix::test {

inline constexpr std::uint16_t kTypeA = 1, kTypeCname = 5, kTypeSoa = 6, kTypeTxt = 16,
                               kTypeAaaa = 28, kTypeOpt = 41;

/// What a query asks. `name` is in lower case, without the final dot.
struct DnsQuery {
  std::uint16_t id = 0;
  std::uint16_t flags = 0;
  std::string name;
  std::uint16_t type = 0;
  bool has_edns = false;
  base::Bytes question;    // as it arrived
  std::string asked_name;  // with its case
};

/// Reads a well-formed query. Panics on anything else.
[[nodiscard]] inline DnsQuery read_dns_query(base::ByteView bytes) {
  base::Reader reader(bytes);
  DnsQuery out;
  out.id = reader.u16be().value();
  out.flags = reader.u16be().value();
  if (reader.u16be().value() != 1) base::panic("test: one question expected");
  (void)reader.u32be().value();
  const std::uint16_t additional = reader.u16be().value();
  const std::size_t begin = bytes.size() - reader.remaining();
  while (const std::uint8_t size = reader.u8().value()) {
    if (!out.asked_name.empty()) out.asked_name += '.';
    out.asked_name += base::to_string(reader.bytes(size).value());
  }
  for (const char c : out.asked_name) {
    out.name += c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
  }
  out.type = reader.u16be().value();
  if (reader.u16be().value() != 1) base::panic("test: class IN expected");
  const std::size_t end = bytes.size() - reader.remaining();
  out.question = base::to_bytes(bytes.subspan(begin, end - begin));
  if (additional == 1) {
    if (reader.u8().value() != 0) base::panic("test: OPT of the root expected");
    out.has_edns = reader.u16be().value() == kTypeOpt;
    (void)reader.bytes(8).value();
  }
  if (!reader.empty()) base::panic("test: bytes after the query");
  return out;
}

[[nodiscard]] inline base::Bytes dns_name(std::string_view text) {
  base::Writer out;
  while (!text.empty()) {
    const std::size_t dot = text.find('.');
    const std::string_view label = text.substr(0, dot);
    out.u8(static_cast<std::uint8_t>(label.size())).bytes(base::as_bytes(label));
    text.remove_prefix(dot == std::string_view::npos ? text.size() : dot + 1);
  }
  return out.u8(0).take();
}

/// Builds an answer to a query, record by record.
class DnsAnswer {
 public:
  explicit DnsAnswer(const DnsQuery& query) : query_(query) {}
  explicit DnsAnswer(base::ByteView query) : DnsAnswer(read_dns_query(query)) {}

  DnsAnswer& code(std::uint16_t value) { return set(code_, value); }
  DnsAnswer& id(std::uint16_t value) { return set(query_.id, value); }
  DnsAnswer& truncated() { return set(extra_flags_, std::uint16_t{0x0200}); }
  DnsAnswer& not_a_response() { return set(response_flag_, std::uint16_t{0}); }
  /// Instead of the question that was asked.
  DnsAnswer& question(std::string_view name, std::uint16_t type) {
    base::Writer out;
    out.bytes(dns_name(name)).u16be(type).u16be(1);
    query_.question = out.take();
    return *this;
  }
  DnsAnswer& without_question() {
    query_.question.clear();
    return *this;
  }
  /// An address of the query's own name.
  DnsAnswer& address(std::string_view text, std::uint32_t ttl = 300) {
    return address_of(query_.name, text, ttl);
  }
  DnsAnswer& address_of(std::string_view owner, std::string_view text, std::uint32_t ttl = 300) {
    const net::IpAddress address = net::parse_ip(text).value();
    const base::Bytes octets =
        std::visit([](const auto& a) { return base::to_bytes(a.octets); }, address);
    return record(owner, octets.size() == 4 ? kTypeA : kTypeAaaa, ttl, octets);
  }
  DnsAnswer& cname(std::string_view owner, std::string_view target, std::uint32_t ttl = 300) {
    return record(owner, kTypeCname, ttl, dns_name(target));
  }
  DnsAnswer& record(std::string_view owner, std::uint16_t type, std::uint32_t ttl,
                    base::ByteView data) {
    append_record(answers_, owner, type, ttl, data);
    num_answers_ = static_cast<std::uint16_t>(num_answers_ + 1);
    return *this;
  }
  DnsAnswer& authority(std::string_view zone, std::uint32_t ttl, std::uint32_t minimum) {
    base::Writer data;
    data.bytes(dns_name("ns." + std::string(zone))).bytes(dns_name("root." + std::string(zone)));
    data.u32be(2025060100).u32be(7200).u32be(900).u32be(1209600).u32be(minimum);
    append_record(authorities_, zone, kTypeSoa, ttl, data.view());
    num_authorities_ = static_cast<std::uint16_t>(num_authorities_ + 1);
    return *this;
  }

  [[nodiscard]] base::Bytes bytes() const {
    base::Writer out;
    out.u16be(query_.id);
    // Response, recursion desired and available.
    out.u16be(static_cast<std::uint16_t>(response_flag_ | 0x0180 | extra_flags_ | code_));
    out.u16be(query_.question.empty() ? 0 : 1).u16be(num_answers_).u16be(num_authorities_).u16be(0);
    out.bytes(query_.question).bytes(answers_).bytes(authorities_);
    return out.take();
  }

 private:
  template <class T>
  DnsAnswer& set(T& field, T value) {
    field = value;
    return *this;
  }
  static void append_record(base::Bytes& to, std::string_view owner, std::uint16_t type,
                            std::uint32_t ttl, base::ByteView data) {
    base::Writer out;
    out.bytes(dns_name(owner)).u16be(type).u16be(1).u32be(ttl);
    out.u16be(static_cast<std::uint16_t>(data.size())).bytes(data);
    base::append(to, out.view());
  }

  DnsQuery query_;
  std::uint16_t code_ = 0;
  std::uint16_t extra_flags_ = 0;
  std::uint16_t response_flag_ = 0x8000;
  base::Bytes answers_, authorities_;
  std::uint16_t num_answers_ = 0, num_authorities_ = 0;
};

}  // namespace mix::test
