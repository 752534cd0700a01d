#include "mix/directory/semver.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <tuple>

namespace mix::directory {
namespace {

using base::Errc;
using base::Result;

bool is_numeric(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

bool has_leading_zero(std::string_view digits) { return digits.size() > 1 && digits[0] == '0'; }

Result<std::uint64_t> parse_number(std::string_view text) {
  if (!is_numeric(text) || has_leading_zero(text)) return Errc::directory_malformed;
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return Errc::directory_malformed;
  return value;
}

/// Cuts `text` at the first `separator`; nothing when there is none.
std::optional<std::string_view> cut(std::string_view& text, char separator) {
  const std::size_t at = text.find(separator);
  if (at == std::string_view::npos) return std::nullopt;
  const std::string_view after = text.substr(at + 1);
  text = text.substr(0, at);
  return after;
}

/// Letters, digits and hyphens, not empty.
bool is_identifier(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-';
  });
}

Result<std::vector<std::string>> parse_identifiers(std::string_view text) {
  std::vector<std::string> out;
  for (std::optional<std::string_view> rest = text; rest;) {
    std::string_view identifier = *rest;
    rest = cut(identifier, '.');
    if (!is_identifier(identifier)) return Errc::directory_malformed;
    out.emplace_back(identifier);
  }
  return out;
}

/// Numbers by value and before words, words by ASCII.
bool identifier_less(const std::string& a, const std::string& b) {
  const bool a_numeric = is_numeric(a), b_numeric = is_numeric(b);
  if (a_numeric != b_numeric) return a_numeric;
  // Without leading zeros the longer number is the larger one, whatever its size.
  if (a_numeric && a.size() != b.size()) return a.size() < b.size();
  return a < b;
}

}  // namespace

Result<Version> Version::parse(std::string_view text) {
  Version out;
  if (const auto build = cut(text, '+')) {
    MIX_TRY([[maybe_unused]] const auto dropped, parse_identifiers(*build));
  }
  if (const auto pre_release = cut(text, '-')) {
    MIX_TRY(out.pre_release, parse_identifiers(*pre_release));
    for (const std::string& identifier : out.pre_release) {
      if (is_numeric(identifier) && has_leading_zero(identifier)) return Errc::directory_malformed;
    }
  }
  std::string_view major = text;
  const auto after_major = cut(major, '.');
  if (!after_major) return Errc::directory_malformed;
  std::string_view minor = *after_major;
  const auto patch = cut(minor, '.');
  if (!patch) return Errc::directory_malformed;
  MIX_TRY(out.major, parse_number(major));
  MIX_TRY(out.minor, parse_number(minor));
  MIX_TRY(out.patch, parse_number(*patch));
  return out;
}

bool operator<(const Version& a, const Version& b) {
  const auto numbers = [](const Version& v) { return std::tie(v.major, v.minor, v.patch); };
  if (numbers(a) != numbers(b)) return numbers(a) < numbers(b);
  if (a.pre_release.empty() || b.pre_release.empty())
    return !a.pre_release.empty() && b.pre_release.empty();
  return std::ranges::lexicographical_compare(a.pre_release, b.pre_release, identifier_less);
}

}  // namespace mix::directory
