#include "lwip.h"

namespace mix::net {

ip_addr_t to_lwip(const IpAddress& address) {
  ip_addr_t out{};
  if (const auto* v4 = std::get_if<Ipv4>(&address)) {
    const auto& o = v4->octets;
    IP_ADDR4(&out, o[0], o[1], o[2], o[3]);
    return out;
  }
  const auto& o = std::get<Ipv6>(address).octets;
  out.type = IPADDR_TYPE_V6;
  for (std::size_t i = 0; i < 4; ++i) {
    out.u_addr.ip6.addr[i] =
        PP_HTONL(LWIP_MAKEU32(o[4 * i], o[4 * i + 1], o[4 * i + 2], o[4 * i + 3]));
  }
  return out;
}

IpAddress from_lwip(const ip_addr_t& address) {
  if (IP_IS_V4_VAL(address)) {
    const ip4_addr_t& v4 = *ip_2_ip4(&address);
    return Ipv4{{ip4_addr1(&v4), ip4_addr2(&v4), ip4_addr3(&v4), ip4_addr4(&v4)}};
  }
  Ipv6 out;
  for (std::size_t i = 0; i < 4; ++i) {
    const std::uint32_t word = lwip_ntohl(address.u_addr.ip6.addr[i]);
    for (std::size_t j = 0; j < 4; ++j) {
      out.octets[4 * i + j] = static_cast<std::uint8_t>(word >> (24 - 8 * j));
    }
  }
  return out;
}

}  // namespace mix::net
