#include "mix/localnet/address_map.h"

#include <gtest/gtest.h>

namespace mix::localnet {
namespace {

AddressMap map_of(std::initializer_list<const char*> rules) {
  AddressMap map;
  for (const char* rule : rules) map.add(rule);
  return map;
}

std::string find(const AddressMap& map, const char* destination) {
  const auto found = map.find(IpEndpoint::parse(destination).value());
  return found ? found->to_string() : "";
}

TEST(AddressMap, MapsSingleAddressesRangesAndWildcards) {
  const AddressMap map = map_of({"8.8.8.8:53=127.0.0.1:5353", "203.0.113.0/24:*=127.0.0.1:*",
                                 "[2001:db8::1]:443=[::1]:8443", "[2001:db8:1::/48]:*=[::1]:*",
                                 "*:80-89=127.0.0.2:8080", "*:8000=[::1]:9000"});
  EXPECT_EQ(find(map, "8.8.8.8:53"), "127.0.0.1:5353");
  EXPECT_EQ(find(map, "8.8.8.8:54"), "");
  EXPECT_EQ(find(map, "203.0.113.255:4711"), "127.0.0.1:4711");
  EXPECT_EQ(find(map, "203.0.114.0:4711"), "");
  EXPECT_EQ(find(map, "[2001:db8::1]:443"), "[::1]:8443");
  EXPECT_EQ(find(map, "[2001:db8:1:2::3]:5"), "[::1]:5");
  EXPECT_EQ(find(map, "9.9.9.9:85"), "127.0.0.2:8080");
  EXPECT_EQ(find(map, "[2001::1]:85"), "") << "within one family";
  EXPECT_EQ(find(map, "[2001::1]:8000"), "[::1]:9000");
  EXPECT_EQ(find(map, "9.9.9.9:8000"), "");
}

TEST(AddressMap, TakesTheFirstMatch) {
  const AddressMap map = map_of({"1.2.3.4:*=127.0.0.1:1", "*:*=127.0.0.1:2"});
  EXPECT_EQ(find(map, "1.2.3.4:80"), "127.0.0.1:1");
  EXPECT_EQ(find(map, "1.2.3.5:80"), "127.0.0.1:2");
}

TEST(AddressMap, KeepsThePortlessPortless) {
  EXPECT_EQ(find(map_of({"1.2.3.4:*=127.0.0.1:80"}), "1.2.3.4:0"), "127.0.0.1:0");
  EXPECT_EQ(find(map_of({"1.2.3.4:80=127.0.0.1:80"}), "1.2.3.4:0"), "");
}

TEST(AddressMap, RefusesMalformedRules) {
  for (const char* rule :
       {"", "=", "1.2.3.4:80", "1.2.3.4=127.0.0.1:80", "1.2.3.4:80=127.0.0.1", "1.2.3.4:80=*:80",
        "1.2.3.4:80=[::1]:80", "[2001:db8::1]:80=127.0.0.1:80", "1.2.3.4:80=127.0.0.1:0",
        "1.2.3.4:80=127.0.0.1:70000", "1.2.3.4/40:80=127.0.0.1:80", "x:80=127.0.0.1:80",
        "*6:80=127.0.0.1:80"}) {
    AddressMap map;
    EXPECT_THROW(map.add(rule), std::invalid_argument) << rule;
  }
}

}  // namespace
}  // namespace mix::localnet
