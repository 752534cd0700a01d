#include "roots.h"

#include <gtest/gtest.h>
#include <mbedtls/x509_crt.h>

#include <algorithm>

#include "mix/base/encoding.h"
#include "mix/tls/client.h"
#include "platform.h"

namespace mix::tls {
namespace {

class Parsed {
 public:
  explicit Parsed(base::ByteView der) {
    detail::ensure_crypto();
    mbedtls_x509_crt_init(&crt);
    result = mbedtls_x509_crt_parse_der(&crt, der.data(), der.size());
  }
  ~Parsed() { mbedtls_x509_crt_free(&crt); }
  Parsed(const Parsed&) = delete;
  Parsed& operator=(const Parsed&) = delete;
  [[nodiscard]] base::ByteView subject() const { return {crt.subject_raw.p, crt.subject_raw.len}; }

  mbedtls_x509_crt crt;
  int result = 0;
};

std::string pem(base::ByteView der) {
  return "-----BEGIN CERTIFICATE-----\n" + base::base64_encode(der) +
         "\n-----END CERTIFICATE-----\n";
}

TEST(Roots, AllReadAndAreFoundByTheirSubject) {
  ASSERT_GT(detail::root_index().size(), 100U);
  for (const detail::RootEntry& entry : detail::root_index()) {
    const base::ByteView der = detail::root_certificate(entry);
    const Parsed root{der};
    ASSERT_EQ(root.result, 0) << base::hex_encode(der.first(64));
    EXPECT_TRUE(base::equal(root.subject(), der.subspan(entry.subject_offset, entry.subject_size)));
    const auto found = detail::find_roots(root.subject());
    EXPECT_TRUE(std::any_of(found.begin(), found.end(),
                            [&](base::ByteView other) { return other.data() == der.data(); }));
  }
}

TEST(Roots, AreAuthorities) {
  for (const detail::RootEntry& entry : detail::root_index()) {
    const Parsed root{detail::root_certificate(entry)};
    EXPECT_EQ(mbedtls_x509_crt_get_ca_istrue(&root.crt), 1);
  }
}

TEST(Roots, AreNotFoundByAnotherName) {
  EXPECT_TRUE(detail::find_roots({}).empty());
  const base::ByteView der = detail::root_certificate(detail::root_index().front());
  const Parsed root{der};
  base::Bytes name = base::to_bytes(root.subject());
  name.back() ^= 1;
  EXPECT_TRUE(detail::find_roots(name).empty());
  name.pop_back();
  EXPECT_TRUE(detail::find_roots(name).empty());
}

TEST(TrustStore, OfMozillaHoldsTheCompiledRoots) {
  EXPECT_EQ(TrustStore::mozilla()->size(), detail::root_index().size());
}

TEST(TrustStore, AddsTheCallersRoots) {
  // Any certificate will do as an extra one; take two of the compiled set.
  const base::ByteView first = detail::root_certificate(detail::root_index().front());
  const base::ByteView second = detail::root_certificate(detail::root_index().back());
  const auto store = TrustStore::with_extra(pem(first) + "between\r\n" + pem(second));
  ASSERT_TRUE(store.has_value());
  EXPECT_EQ((*store)->size(), detail::root_index().size() + 2);
  const Parsed root{second};
  EXPECT_EQ((*store)->find(root.subject()).size(), detail::find_roots(root.subject()).size() + 1);
}

TEST(TrustStore, RefusesTextWithoutCertificate) {
  for (const char* text :
       {"", "hello", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----"}) {
    const auto store = TrustStore::with_extra(text);
    ASSERT_FALSE(store.has_value());
    EXPECT_EQ(store.error().code, base::Errc::tls_bad_roots);
    EXPECT_EQ(store.error().detail, 0U);
  }
}

TEST(TrustStore, NamesTheCertificateThatCannotBeRead) {
  const std::string good = pem(detail::root_certificate(detail::root_index().front()));
  for (const std::string& bad :
       {std::string{"-----BEGIN CERTIFICATE-----\n"},
        std::string{"-----BEGIN CERTIFICATE-----\nAAAA"},
        std::string{"-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----"},
        std::string{"-----BEGIN CERTIFICATE-----\nMAMCAQE=\n-----END CERTIFICATE-----"}}) {
    const auto store = TrustStore::with_extra(good + bad);
    ASSERT_FALSE(store.has_value());
    EXPECT_EQ(store.error().code, base::Errc::tls_bad_roots);
    EXPECT_EQ(store.error().detail, 2U);
  }
}

TEST(TrustStore, SurvivesEveryTruncationOfAPem) {
  const std::string whole = pem(detail::root_certificate(detail::root_index().front()));
  for (std::size_t size = 0; size + 1 < whole.size(); ++size) {
    EXPECT_FALSE(TrustStore::with_extra(whole.substr(0, size)).has_value()) << size;
  }
}

}  // namespace
}  // namespace mix::tls
