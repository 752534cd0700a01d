// Who may ask what over HTTP: the operator's pages (status, metrics, admin) and the directory's
// calls, with the CORS headers that let pages of a browser read the answers.
#pragma once

#include <functional>
#include <optional>

#include "mix/localnet/admin.h"
#include "mix/localnet/http.h"

namespace mix::localnet {

/// Nothing: the request is never answered.
using DirectoryHandler = std::function<std::optional<HttpAnswer>(const HttpRequest&)>;

/// "/", "/metrics" and everything below "/admin".
[[nodiscard]] bool is_for_operator(const HttpRequest& request);
/// Pages of the open web are refused: they must not steer a network on the user's machine.
[[nodiscard]] HttpAnswer answer_operator(NetworkControl& network, const HttpRequest& request);
/// Any page may read the directory.
[[nodiscard]] std::optional<HttpAnswer> answer_client(const DirectoryHandler& directory,
                                                      const HttpRequest& request);

}  // namespace mix::localnet
