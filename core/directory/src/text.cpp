// The texts inside the directory's JSON: percentages, times, IP addresses.
#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include "mix/directory/answers.h"

namespace mix::directory {
namespace {

using base::Errc;
using base::Result;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// Reads a text from its front.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : rest_(text) {}

  bool empty() const { return rest_.empty(); }
  /// The next character, if it is one of `allowed`.
  std::optional<char> one_of(std::string_view allowed) {
    if (rest_.empty() || allowed.find(rest_.front()) == std::string_view::npos) return std::nullopt;
    const char c = rest_.front();
    rest_.remove_prefix(1);
    return c;
  }
  bool skip(std::string_view allowed) { return one_of(allowed).has_value(); }
  /// The digits at the front, perhaps none.
  std::string_view digits() {
    const auto end = std::ranges::find_if_not(rest_, is_digit);
    const auto size = static_cast<std::size_t>(end - rest_.begin());
    const std::string_view out = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return out;
  }
  /// A number of exactly `count` (at most 9) digits within [low, high].
  std::optional<int> number(std::size_t count, int low, int high) {
    if (rest_.size() < count) return std::nullopt;
    int value = 0;
    for (const char c : rest_.substr(0, count)) {
      if (!is_digit(c)) return std::nullopt;
      value = value * 10 + (c - '0');
    }
    if (value < low || value > high) return std::nullopt;
    rest_.remove_prefix(count);
    return value;
  }

 private:
  std::string_view rest_;
};

/// The first `count` digits after the decimal point as an integer.
int leading_digits(std::string_view fraction, std::size_t count) {
  int value = 0;
  for (std::size_t i = 0; i < count; ++i) {
    value = value * 10 + (i < fraction.size() ? fraction[i] - '0' : 0);
  }
  return value;
}

/// Dotted quad, four numbers of 0..255 without leading zeros.
bool is_ipv4(std::string_view text) {
  Scanner in(text);
  for (int part = 0; part < 4; ++part) {
    if (part > 0 && !in.skip(".")) return false;
    const std::string_view digits = in.digits();
    if (digits.empty() || digits.size() > 3) return false;
    if (digits.size() > 1 && digits[0] == '0') return false;
    if (leading_digits(digits, digits.size()) > 255) return false;
  }
  return in.empty();
}

bool is_ipv6_group(std::string_view text) {
  return !text.empty() && text.size() <= 4 && std::ranges::all_of(text, [](char c) {
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
  });
}

/// Counts the 16-bit groups of one side of "::"; nothing when malformed. An IPv4 tail counts two.
std::optional<int> count_groups(std::string_view text, bool may_end_in_ipv4) {
  if (text.empty()) return 0;
  int count = 0;
  while (true) {
    const std::size_t colon = text.find(':');
    const std::string_view group = text.substr(0, colon);
    const bool last = colon == std::string_view::npos;
    if (is_ipv6_group(group)) {
      count += 1;
    } else if (last && may_end_in_ipv4 && is_ipv4(group)) {
      count += 2;
    } else {
      return std::nullopt;
    }
    if (last) return count;
    text.remove_prefix(colon + 1);
  }
}

/// RFC 4291 §2.2: eight groups, one run of zeros may be "::".
bool is_ipv6(std::string_view text) {
  constexpr int kGroups = 8;
  const std::size_t gap = text.find("::");
  if (gap == std::string_view::npos) {
    return count_groups(text, /*may_end_in_ipv4=*/true) == kGroups;
  }
  const auto before = count_groups(text.substr(0, gap), /*may_end_in_ipv4=*/false);
  const auto after = count_groups(text.substr(gap + 2), /*may_end_in_ipv4=*/true);
  return before && after && *before + *after < kGroups;
}

}  // namespace

Result<std::uint8_t> parse_performance(std::string_view decimal) {
  Scanner in(decimal);
  const auto whole = in.number(1, 0, 1);
  if (!whole) return Errc::directory_malformed;
  std::string_view fraction;
  if (in.skip(".")) {
    fraction = in.digits();
    if (fraction.empty()) return Errc::directory_malformed;
  }
  if (!in.empty()) return Errc::directory_malformed;
  if (*whole == 1) {
    if (std::ranges::any_of(fraction, [](char c) { return c != '0'; })) {
      return Errc::directory_malformed;
    }
    return std::uint8_t{100};
  }
  const int thousandths = leading_digits(fraction, 3);
  return static_cast<std::uint8_t>((thousandths + 5) / 10);
}

Result<base::WallTime> parse_rfc3339(std::string_view text) {
  Scanner in(text);
  const auto year = in.number(4, 0, 9999);
  if (!year || !in.skip("-")) return Errc::directory_malformed;
  const auto month = in.number(2, 1, 12);
  if (!month || !in.skip("-")) return Errc::directory_malformed;
  const auto day = in.number(2, 1, 31);
  if (!day || !in.skip("Tt")) return Errc::directory_malformed;
  const auto hour = in.number(2, 0, 23);
  if (!hour || !in.skip(":")) return Errc::directory_malformed;
  const auto minute = in.number(2, 0, 59);
  if (!minute || !in.skip(":")) return Errc::directory_malformed;
  const auto second = in.number(2, 0, 59);
  if (!second) return Errc::directory_malformed;
  std::string_view fraction;
  if (in.skip(".")) {
    fraction = in.digits();
    if (fraction.empty()) return Errc::directory_malformed;
  }
  std::chrono::minutes offset{0};
  const auto zone = in.one_of("Zz+-");
  if (!zone) return Errc::directory_malformed;
  if (*zone == '+' || *zone == '-') {
    const auto hours = in.number(2, 0, 23);
    if (!hours || !in.skip(":")) return Errc::directory_malformed;
    const auto minutes = in.number(2, 0, 59);
    if (!minutes) return Errc::directory_malformed;
    offset = std::chrono::hours{*hours} + std::chrono::minutes{*minutes};
    if (*zone == '-') offset = -offset;
  }
  if (!in.empty()) return Errc::directory_malformed;

  const std::chrono::year_month_day date{std::chrono::year{*year},
                                         std::chrono::month{static_cast<unsigned>(*month)},
                                         std::chrono::day{static_cast<unsigned>(*day)}};
  if (!date.ok()) return Errc::directory_malformed;
  return base::WallTime{std::chrono::sys_days{date}} + std::chrono::hours{*hour} +
         std::chrono::minutes{*minute} + std::chrono::seconds{*second} +
         std::chrono::milliseconds{leading_digits(fraction, 3)} - offset;
}

bool is_ip_literal(std::string_view text) { return is_ipv4(text) || is_ipv6(text); }

}  // namespace mix::directory
