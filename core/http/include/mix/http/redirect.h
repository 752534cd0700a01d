// Whether and how a redirect is followed: a pure function of request, response and history.
// WHATWG Fetch "HTTP-redirect fetch", api part 2 §3, reference-behaviour §4.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <variant>

#include "mix/http/exchange.h"

namespace mix::http {

/// Can the page give a streamed body once more from its beginning?
enum class Replay : std::uint8_t { kPossible, kImpossible };

enum class RedirectMode : std::uint8_t { kFollow, kManual, kError };

struct RedirectPolicy {
  RedirectMode mode = RedirectMode::kFollow;
  std::size_t max_redirects = 5;
  Replay replay = Replay::kImpossible;
  const UrlResolver* urls = nullptr;  // null: Url::resolve, which knows ASCII host names only
};

/// The response is the caller's.
struct Deliver {};
/// Ask again, with this.
struct FollowRedirect {
  Request request;
};
using RedirectDecision = std::variant<Deliver, FollowRedirect>;

/// `visited` names the requests so far, this one last (see `visit_name`). A response that is no
/// redirect, or lacks a Location, is delivered. The fragment is inherited unless Location has one.
/// The same place may come again, since a server may have set a cookie; it ends at the limit.
/// Another origin is told no secret, and of Referer no more than its origin.
/// A body whose beginning is gone cannot be sent again: `streamed` needs `replay`.
/// Errors: `http_too_many_redirects`, `http_redirect_loop` (the limit was reached in a circle),
/// `http_redirect_refused`.
[[nodiscard]] base::Result<RedirectDecision> decide_redirect(const Request& request,
                                                             const ResponseHead& head,
                                                             const RedirectPolicy& policy,
                                                             std::span<const std::string> visited);

/// What makes two requests the same when loops are looked for.
[[nodiscard]] std::string visit_name(const Request& request);

}  // namespace mix::http
