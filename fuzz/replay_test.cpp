// Every input of fuzz/corpus/ through its target, whole and altered a little: what a fuzzer found
// once stays found.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <string>

#include "support/target.h"

namespace mix::fuzz {

namespace {

namespace fs = std::filesystem;

/// Alterations of each file; MIX_FUZZ_ALTERATIONS sets another number.
int num_alterations() {
  const char* text = std::getenv("MIX_FUZZ_ALTERATIONS");
  return text == nullptr ? 20 : std::atoi(text);
}

base::Bytes read_file(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>{in}, {}};
}

/// One of the small harms that befall bytes.
base::Bytes altered(base::Bytes bytes, base::Rng& rng) {
  if (bytes.empty()) return {static_cast<std::uint8_t>(rng.u32())};
  const auto at = static_cast<std::ptrdiff_t>(rng.uniform(bytes.size()));
  switch (rng.uniform(5)) {
    case 0:
      bytes.resize(static_cast<std::size_t>(at));
      break;
    case 1:
      bytes[static_cast<std::size_t>(at)] ^= static_cast<std::uint8_t>(1U << rng.uniform(8));
      break;
    case 2:
      bytes[static_cast<std::size_t>(at)] = static_cast<std::uint8_t>(rng.u32());
      break;
    case 3:
      bytes.erase(bytes.begin() + at);
      break;
    default:
      bytes.insert(bytes.begin() + at, static_cast<std::uint8_t>(rng.u32()));
  }
  return bytes;
}

std::vector<Target> sorted_targets() {
  std::vector<Target> out = targets();
  std::ranges::sort(out, {}, &Target::name);
  return out;
}

TEST(Corpus, HasInputsForEveryTargetAndNoOthers) {
  std::set<std::string> names;
  for (const Target& target : targets()) names.emplace(target.name);
  std::set<std::string> folders;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(MIX_FUZZ_CORPUS_DIR, error)) {
    folders.insert(entry.path().filename().string());
  }
  EXPECT_EQ(folders, names);
}

TEST(Corpus, DoesNoHarm) {
  for (const Target& target : sorted_targets()) {
    FixedRng rng;
    std::size_t num_files = 0;
    std::error_code error;
    const fs::path folder = fs::path{MIX_FUZZ_CORPUS_DIR} / target.name;
    std::set<fs::path> paths;  // in a fixed order
    for (const auto& entry : fs::directory_iterator(folder, error)) paths.insert(entry.path());
    for (const fs::path& path : paths) {
      SCOPED_TRACE(path.string());
      const base::Bytes input = read_file(path);
      ++num_files;
      target.run(input);
      for (int i = 0; i < num_alterations(); ++i) target.run(altered(input, rng));
    }
    target.run({});
    EXPECT_GT(num_files, 0U) << target.name;
  }
}

}  // namespace
}  // namespace mix::fuzz
