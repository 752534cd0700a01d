// URLs and Location headers: what is read is written and read again as the same.
#include "mix/http/url.h"

#include "support/target.h"

using namespace mix;

MIX_FUZZ(url) {
  static const auto base_url = *http::Url::parse("https://a.example:8443/b/c?d#e");
  const auto check = [](const base::Result<http::Url>& url) {
    if (!url) return;
    const std::string text = url->to_string();
    for (const char c : text + url->authority() + url->origin()) {
      fuzz::require(c > ' ' && c < 0x7f, "a URL that could split a request");
    }
    fuzz::require(!url->host.empty() && url->path.starts_with('/'), "a URL without host or path");
    auto again = http::Url::parse(text);
    fuzz::require(again.has_value(), "a URL that was read cannot be read again");
    again->fragment = url->fragment;
    fuzz::require(*again == *url, "a URL changed");
  };
  check(http::Url::parse(base::as_text(input)));
  check(base_url.resolve(base::as_text(input)));
}
