// X25519 public keys that honest peers do not send.
#pragma once

namespace mix::test {

/// The points of order 1, 2, 4 and 8 of the curve and of its twist, in every encoding below 2^255.
inline constexpr const char* kLowOrderPoints[] = {
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
    "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
};

/// The base point, but not as it is written: 9 + p, and 9 with the unused top bit.
inline constexpr const char* kOddEncodings[] = {
    "f6ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "0900000000000000000000000000000000000000000000000000000000000080",
};

}  // namespace mix::test
