// Where the pinned sources of known answers lie.
#pragma once

#include <fstream>
#include <iterator>
#include <sstream>
#include <string>

#include "support/vectors.h"

namespace mix::test {

/// The text of a file of the source with this name in pins.txt.
[[nodiscard]] inline std::string read_pinned(const std::string& name, const std::string& path) {
  std::ifstream pins{MIX_KNOWN_ANSWERS_PINS};
  for (std::string line; std::getline(pins, line);) {
    std::istringstream words{line};
    std::string pinned, version;
    words >> pinned >> version;
    if (pinned != name) continue;
    std::string file{MIX_KNOWN_ANSWERS_DIR};
    file.append("/").append(name).append("-").append(version).append("/").append(path);
    std::ifstream in{file};
    std::string text{std::istreambuf_iterator<char>{in}, {}};
    if (text.empty()) bad_vector(file + " is missing; run tools/setup");
    return text;
  }
  bad_vector(name + " is not in pins.txt");
}

[[nodiscard]] inline Json load_pinned(const std::string& name, const std::string& path) {
  Json json = Json::parse(read_pinned(name, path), nullptr, false);
  if (json.is_discarded()) bad_vector(path + " is malformed");
  return json;
}

}  // namespace mix::test
