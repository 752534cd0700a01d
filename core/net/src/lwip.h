// lwIP's headers, in one place, and the conversions between its addresses and ours.
#pragma once

#include <lwip/init.h>
#include <lwip/ip.h>
#include <lwip/ip4_frag.h>
#include <lwip/ip6_frag.h>
#include <lwip/netif.h>
#include <lwip/pbuf.h>
#include <lwip/priv/tcp_priv.h>
#include <lwip/tcp.h>
#include <lwip/udp.h>

#include "mix/net/address.h"

namespace mix::net {

[[nodiscard]] ip_addr_t to_lwip(const IpAddress& address);
[[nodiscard]] IpAddress from_lwip(const ip_addr_t& address);

}  // namespace mix::net
