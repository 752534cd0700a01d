// Runs the client's certificate verifier over the cases of x509-limbo and tells where it differs.
//   x509_limbo <limbo.json>
// Only cases of server certificates with a name to check concern a web client. Ends with 1 when a
// chain was accepted that must not be.
#include <mbedtls/x509_crt.h>
#include <mix_x509_crt.h>

#include <cstdio>
#include <fstream>
#include <iterator>
#include <map>
#include <string>

#include "host.h"
#include "mix/base/encoding.h"
#include "mix/json/reader.h"
#include "mix/tls/client.h"
#include "platform.h"
#include "support/manual_clock.h"
#include "support/seeded_rng.h"
#include "verify.h"

namespace {

using mix::json::Value;

constexpr std::string_view kBegin = "-----BEGIN CERTIFICATE-----";
constexpr std::string_view kEnd = "-----END CERTIFICATE-----";

class Chain {
 public:
  Chain() { mbedtls_x509_crt_init(&head); }
  ~Chain() { mbedtls_x509_crt_free(&head); }
  Chain(const Chain&) = delete;
  Chain& operator=(const Chain&) = delete;
  /// False: not readable, which ends a handshake, too.
  bool add(const std::string& pem) {
    const std::size_t begin = pem.find(kBegin), end = pem.find(kEnd);
    if (begin == std::string::npos || end == std::string::npos) return false;
    std::string body = pem.substr(begin + kBegin.size(), end - begin - kBegin.size());
    std::erase_if(body, [](char c) { return c == '\n' || c == '\r'; });
    const auto der = mix::base::base64_decode(body);
    return der && mix_x509_crt_parse_der(&head, der->data(), der->size()) == 0;
  }
  mbedtls_x509_crt head;
};

std::string text_of(const Value& object, const char* key) {
  const Value* value = mix::json::find(object, key);
  return value != nullptr && value->is_string() ? value->get<std::string>() : std::string{};
}

/// "2024-01-02T03:04:05+00:00"
std::optional<mix::base::WallTime> time_of(const std::string& text) {
  int year = 0;
  unsigned month = 0, day = 0, hour = 0, minute = 0, second = 0;
  if (std::sscanf(text.c_str(), "%d-%u-%uT%u:%u:%u", &year, &month, &day, &hour, &minute,
                  &second) != 6) {
    return std::nullopt;
  }
  const std::chrono::sys_days date{std::chrono::year{year} / std::chrono::month{month} /
                                   std::chrono::day{day}};
  return mix::base::WallTime{date.time_since_epoch() + std::chrono::hours{hour} +
                             std::chrono::minutes{minute} + std::chrono::seconds{second}};
}

/// The anchors of a case, which stand for public ones.
class Anchors final : public mix::tls::TrustStore {
 public:
  explicit Anchors(const Value& test) {
    for (const Value& pem : *mix::json::find(test, "trusted_certs")) {
      // One that cannot be read is none.
      auto store = mix::tls::TrustStore::with_extra(pem.get<std::string>());
      if (store) stores_.push_back(*std::move(store));
    }
  }
  std::vector<mix::base::ByteView> find(mix::base::ByteView subject) const override {
    std::vector<mix::base::ByteView> found;
    for (const auto& store : stores_) {
      for (const mix::base::ByteView anchor : store->find(subject)) {
        if (store->kind_of(anchor) == mix::tls::AnchorKind::kCallers) found.push_back(anchor);
      }
    }
    return found;
  }
  mix::tls::AnchorKind kind_of(mix::base::ByteView) const override {
    return mix::tls::AnchorKind::kPublic;
  }
  std::size_t size() const override { return stores_.size(); }

 private:
  std::vector<std::shared_ptr<mix::tls::TrustStore>> stores_;
};

struct Verdict {
  bool accepted;
  std::string why;
};

Verdict verdict(const Value& test, mix::test::ManualClock& clock, mix::base::Rng& rng) {
  clock.set_wall(time_of(text_of(test, "validation_time"))
                     .value_or(std::chrono::time_point_cast<mix::base::WallTime::duration>(
                         std::chrono::system_clock::now())));
  const mix::tls::detail::PlatformScope scope{clock, rng};
  auto host =
      mix::tls::detail::parse_host(text_of(*mix::json::find(test, "expected_peer_name"), "value"));
  if (!host) return {false, "not a host name"};
  Chain chain;
  if (!chain.add(text_of(test, "peer_certificate"))) return {false, "leaf not readable"};
  for (const Value& pem : *mix::json::find(test, "untrusted_intermediates")) {
    if (!chain.add(pem.get<std::string>())) return {false, "intermediate not readable"};
  }
  mix_x509_crt_order(&chain.head);
  mix::tls::detail::Verifier verifier{*std::move(host), std::make_shared<Anchors>(test), {}};
  const std::uint32_t flags = verifier.judge(chain.head);
  char text[32];
  (void)std::snprintf(text, sizeof text, "flags 0x%x", static_cast<unsigned>(flags));
  return {flags == 0, text};
}

}  // namespace

int main(int argc, char** argv) {
  std::ifstream file{argc == 2 ? argv[1] : ""};
  const std::string text{std::istreambuf_iterator<char>{file}, {}};
  const auto suite = mix::json::parse(text, {.max_size = 256u << 20, .max_depth = 16});
  if (!suite) {
    std::fprintf(stderr, "usage: x509_limbo <limbo.json>\n");
    return 2;
  }
  mix::test::ManualClock clock;
  mix::test::SeededRng rng{1};
  std::map<std::string, int> counts;
  for (const Value& test : *mix::json::find(*suite, "testcases")) {
    const Value* name = mix::json::find(test, "expected_peer_name");
    if (text_of(test, "validation_kind") != "SERVER" || mix::json::is_absent(name)) {
      ++counts["not about a named server"];
      continue;
    }
    const bool good = text_of(test, "expected_result") == "SUCCESS";
    const Verdict got = verdict(test, clock, rng);
    const char* kind = good == got.accepted ? "agree"
                       : got.accepted       ? "FALSE ACCEPT"
                                            : "false reject";
    ++counts[kind];
    if (good == got.accepted) continue;
    std::printf("%s %s %s %s\n", kind, text_of(test, "id").c_str(), got.why.c_str(),
                mix::json::find(test, "features")->dump().c_str());
  }
  for (const auto& [kind, count] : counts) std::printf("%5d %s\n", count, kind.c_str());
  return counts["FALSE ACCEPT"] > 0 ? 1 : 0;
}
