// TrustStore: the compiled-in roots, and the caller's beside them.
#include <mbedtls/x509_crt.h>

#include <algorithm>
#include <string>
#include <utility>

#include "certificate.h"
#include "mix/base/encoding.h"
#include "mix/tls/client.h"
#include "platform.h"
#include "roots.h"

namespace mix::tls {

namespace {

constexpr std::string_view kPemBegin = "-----BEGIN CERTIFICATE-----";
constexpr std::string_view kPemEnd = "-----END CERTIFICATE-----";

struct Anchor {
  base::Bytes der;
  base::Bytes subject;
};

class RootStore final : public TrustStore {
 public:
  explicit RootStore(std::vector<Anchor> extra) : extra_(std::move(extra)) {}

  [[nodiscard]] std::vector<base::ByteView> find(base::ByteView subject) const override {
    std::vector<base::ByteView> found = detail::find_roots(subject);
    for (const Anchor& anchor : extra_) {
      if (base::equal(anchor.subject, subject)) found.emplace_back(anchor.der);
    }
    return found;
  }
  [[nodiscard]] AnchorKind kind_of(base::ByteView anchor) const override {
    const auto is_this = [&](const Anchor& extra) { return extra.der.data() == anchor.data(); };
    return std::ranges::any_of(extra_, is_this) ? AnchorKind::kCallers : AnchorKind::kPublic;
  }
  [[nodiscard]] std::size_t size() const override {
    return detail::root_index().size() + extra_.size();
  }

 private:
  std::vector<Anchor> extra_;
};

class Certificate {
 public:
  Certificate() { mbedtls_x509_crt_init(&crt); }
  ~Certificate() { mbedtls_x509_crt_free(&crt); }
  Certificate(const Certificate&) = delete;
  Certificate& operator=(const Certificate&) = delete;
  mbedtls_x509_crt crt;
};

base::Error unreadable(std::uint32_t ordinal) {
  return {base::Errc::tls_bad_roots, ordinal,
          "certificate " + std::to_string(ordinal) + " is not readable"};
}

base::Result<Anchor> read_anchor(std::string_view body, std::uint32_t ordinal) {
  std::string packed;
  for (const char c : body) {
    if (c != '\r' && c != '\n' && c != ' ' && c != '\t') packed.push_back(c);
  }
  auto der = base::base64_decode(packed);
  if (!der) return unreadable(ordinal);
  detail::ensure_crypto();
  Certificate parsed;
  if (detail::parse_certificate(parsed.crt, *der, detail::Storage::kCopy) != 0) {
    return unreadable(ordinal);
  }
  const auto& subject = parsed.crt.subject_raw;
  return Anchor{*std::move(der), base::to_bytes({subject.p, subject.len})};
}

}  // namespace

std::shared_ptr<TrustStore> TrustStore::mozilla() {
  return std::make_shared<RootStore>(std::vector<Anchor>{});
}

base::Result<std::shared_ptr<TrustStore>> TrustStore::with_extra(std::string_view pem) {
  std::vector<Anchor> extra;
  while (true) {
    const std::size_t begin = pem.find(kPemBegin);
    if (begin == std::string_view::npos) break;
    pem.remove_prefix(begin + kPemBegin.size());
    const auto ordinal = static_cast<std::uint32_t>(extra.size() + 1);
    const std::size_t end = pem.find(kPemEnd);
    if (end == std::string_view::npos) return unreadable(ordinal);
    MIX_TRY(Anchor anchor, read_anchor(pem.substr(0, end), ordinal));
    extra.push_back(std::move(anchor));
    pem.remove_prefix(end + kPemEnd.size());
  }
  if (extra.empty()) return base::Errc::tls_bad_roots;
  return std::shared_ptr<TrustStore>{std::make_shared<RootStore>(std::move(extra))};
}

}  // namespace mix::tls
