#include "mix/http/redirect.h"

#include <algorithm>

#include "constants.h"
#include "text.h"

namespace mix::http {
namespace {

using base::Errc;
using base::Error;
using namespace detail;

bool is_redirect_status(std::uint16_t status) {
  return status == kMovedPermanently || status == kFound || status == kSeeOther ||
         status == kTemporaryRedirect || status == kPermanentRedirect;
}

bool becomes_get(std::uint16_t status, std::string_view method) {
  if (status == kSeeOther) return method != "GET" && method != "HEAD";
  return (status == kMovedPermanently || status == kFound) && method == "POST";
}

void remove_headers(HeaderList& headers, std::span<const std::string_view> names) {
  std::erase_if(headers, [&](const auto& header) {
    return std::ranges::any_of(
        names, [&](std::string_view name) { return equal_ignoring_case(name, header.first); });
  });
}

constexpr std::string_view kBodyHeaders[] = {"content-encoding", "content-language",
                                             "content-location", "content-type", "content-length"};
constexpr std::string_view kOriginHeaders[] = {"authorization", "cookie", "proxy-authorization",
                                               "host"};

/// True when a response names two different places to go to.
bool is_ambiguous(const HeaderList& headers, const std::string& location) {
  return std::ranges::any_of(headers, [&](const auto& header) {
    return equal_ignoring_case(header.first, "location") && header.second != location;
  });
}

/// Another origin learns no more than where the way began. W3C Referrer Policy §8.2
void cut_referer(HeaderList& headers) {
  const auto referer = find_header(headers, "referer");
  if (!referer) return;
  const auto url = Url::parse(*referer);
  replace_header(headers, "Referer", url ? std::optional{url->origin() + "/"} : std::nullopt);
}

base::Result<Url> resolve(const Url& base, const std::string& location, const UrlResolver* urls) {
  if (urls == nullptr) return base.resolve(location);
  const auto absolute = urls->resolve(base.to_string(), location);
  if (!absolute) return Errc::usage_bad_url;
  return Url::parse(*absolute);
}

Error refused(std::string context) { return {Errc::http_redirect_refused, 0, std::move(context)}; }

}  // namespace

std::string visit_name(const Request& request) {
  return request.method + ' ' + request.url.to_string();
}

base::Result<RedirectDecision> decide_redirect(const Request& request, const ResponseHead& head,
                                               const RedirectPolicy& policy,
                                               std::span<const std::string> visited) {
  if (!is_redirect_status(head.status) || policy.mode == RedirectMode::kManual) {
    return RedirectDecision{Deliver{}};
  }
  if (policy.mode == RedirectMode::kError) {
    return refused("the request's redirect mode is error");
  }
  const auto location = find_header(head.headers, "location");
  if (!location) return RedirectDecision{Deliver{}};
  if (is_ambiguous(head.headers, *location)) return refused("several Location headers");
  auto target = resolve(request.url, *location, policy.urls);
  if (!target && target.error().code == Errc::usage_bad_scheme) {
    return refused("redirect to unsupported scheme '" + target.error().context + "' rejected");
  }
  if (!target) return refused("Location is not a valid URL");
  if (target->scheme != "http" && target->scheme != "https") {
    return refused("redirect to unsupported scheme '" + target->scheme + "' rejected");
  }
  if (request.url.secure() && !target->secure()) {
    return refused("redirect from https to http rejected (would leak credentials)");
  }
  if (head.status != kSeeOther && request.streamed && policy.replay == Replay::kImpossible) {
    return refused("the request's body was a stream, which cannot be sent again");
  }

  FollowRedirect follow{request};
  Request& next = follow.request;
  next.url = *std::move(target);
  if (next.url.fragment.empty()) next.url.fragment = request.url.fragment;
  if (becomes_get(head.status, request.method)) {
    next.method = "GET";
    next.body.clear();
    next.streamed.reset();
    remove_headers(next.headers, kBodyHeaders);
  }
  if (next.url.origin() != request.url.origin()) {
    remove_headers(next.headers, kOriginHeaders);
    cut_referer(next.headers);
  }
  if (visited.size() > policy.max_redirects) {
    const bool circle = std::ranges::find(visited, visit_name(next)) != visited.end();
    if (circle) return Error{Errc::http_redirect_loop, 0, next.url.to_string()};
    return Error{Errc::http_too_many_redirects, static_cast<std::uint32_t>(policy.max_redirects),
                 "(>" + std::to_string(policy.max_redirects) + ")"};
  }
  return RedirectDecision{std::move(follow)};
}

}  // namespace mix::http
