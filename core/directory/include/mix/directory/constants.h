// Numbers of the directory's protocol and our limits on its answers. spec: topology §1 to §8.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "mix/base/time.h"

namespace mix::directory {

/// The main network's directory, first choice first. spec: topology §1
inline constexpr std::string_view kMainnetBaseUrls[] = {
    "https://validator.nymtech.net/api/",
    "https://nym-frontdoor.global.ssl.fastly.net/api/",
    "https://cdn1.media-platform.net/api/",
};

inline constexpr std::uint8_t kMinPerformance = 50;  // percent; spec: topology §5, §7, §8
inline constexpr std::size_t kNumLayers = 3;

/// Waits between rounds over the base URLs. spec: topology §5
inline constexpr base::Duration kBackOff[] = {std::chrono::seconds{1}, std::chrono::seconds{2},
                                              std::chrono::seconds{4}};

// Ours: what is refused unread. The live lists have some hundred nodes of one or two kilobytes.
inline constexpr std::size_t kMaxAnswerSize = 16 * 1024 * 1024;  // bytes of one page
inline constexpr std::size_t kMaxAnswerDepth = 16;
inline constexpr std::size_t kMaxPages = 64;     // of one list
inline constexpr std::size_t kMaxNodes = 20000;  // of one list
inline constexpr std::chrono::hours kMaxEpochDuration{7 * 24};

}  // namespace mix::directory
