// Requests, commands and news of channels as JavaScript objects: worker/src/channels.ts has their
// shapes.
#pragma once

#include <emscripten/val.h>

#include "mix/tunnel/channel.h"

namespace mix::wasm {

[[nodiscard]] tunnel::ChannelRequest channel_request_from_js(const emscripten::val& js);
[[nodiscard]] tunnel::ChannelCommand channel_command_from_js(const emscripten::val& js);
[[nodiscard]] emscripten::val to_js(const tunnel::ChannelNews& news);

}  // namespace mix::wasm
