// What records hold, type by type, as values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "mix/base/bytes.h"
#include "mix/dns/name.h"
#include "mix/net/address.h"

namespace mix::dns {

/// Numbers of RFC 1035 §3.2.2, 2782, 3596, 6891, 8659 and 9460. Others pass through as they are.
enum class RecordType : std::uint16_t {
  kA = 1,
  kNs = 2,
  kCname = 5,
  kSoa = 6,
  kPtr = 12,
  kMx = 15,
  kTxt = 16,
  kAaaa = 28,
  kSrv = 33,
  kOpt = 41,
  kSvcb = 64,
  kHttps = 65,
  kCaa = 257,
};

/// The type of which a caller may ask, by its name in upper case ("AAAA").
[[nodiscard]] std::optional<RecordType> find_record_type(std::string_view name);

/// Start of authority (RFC 1035 §3.3.13). Times in seconds.
struct Soa {
  Name primary, mailbox;
  std::uint32_t serial = 0, refresh = 0, retry = 0, expire = 0;
  std::uint32_t minimum = 0;  // how long a "no" may be believed (RFC 2308)
};
struct Mx {
  std::uint16_t preference = 0;
  Name exchange;
};
struct Srv {
  std::uint16_t priority = 0, weight = 0, port = 0;
  Name target;
};
/// Character strings of any bytes, at least one.
struct Txt {
  std::vector<std::string> strings;
};
struct Caa {
  std::uint8_t flags = 0;  // 128: critical
  std::string tag, value;
};
/// SVCB and HTTPS (RFC 9460 §2.2). Parameters in ascending order of their keys.
struct Svcb {
  std::uint16_t priority = 0;  // 0: alias
  Name target;
  std::vector<std::pair<std::uint16_t, base::Bytes>> parameters;
};

/// Names: CNAME, NS and PTR. Bytes: of a type or class that nobody here reads.
using RecordData =
    std::variant<net::Ipv4, net::Ipv6, Name, Soa, Mx, Srv, Txt, Caa, Svcb, base::Bytes>;

/// Reads the data of a record of class IN, which takes exactly `size` bytes from `begin` on; those
/// bytes are in the message. Errors: `dns_malformed`.
[[nodiscard]] base::Result<RecordData> read_record_data(base::ByteView message, std::size_t begin,
                                                        std::size_t size, RecordType type);

}  // namespace mix::dns
