#include "mix/http/keep_alive.h"

#include <charconv>

#include "text.h"

namespace mix::http {

base::Duration keep_alive_time(const HeaderList& headers) {
  const auto value = find_header(headers, "keep-alive");
  if (!value) return base::Duration::max();
  // spec: RFC 9112 appendix C.2.2, "timeout=5, max=100"
  constexpr std::string_view kTimeout = "timeout=";
  std::string_view rest = *value;
  while (!rest.empty()) {
    const std::size_t comma = std::min(rest.find(','), rest.size());
    const std::string_view item = trim(rest.substr(0, comma));
    rest.remove_prefix(std::min(comma + 1, rest.size()));
    if (!equal_ignoring_case(item.substr(0, kTimeout.size()), kTimeout)) continue;
    const std::string_view number = item.substr(kTimeout.size());
    std::uint32_t seconds = 0;
    const auto [end, error] =
        std::from_chars(number.data(), number.data() + number.size(), seconds);
    if (error != std::errc{} || end != number.data() + number.size()) break;
    return seconds == 0 ? base::Duration::zero() : std::chrono::seconds{seconds - 1};
  }
  return base::Duration::max();
}

}  // namespace mix::http
