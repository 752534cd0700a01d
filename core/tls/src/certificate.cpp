#include "certificate.h"

#include <mbedtls/asn1.h>

namespace mix::tls::detail {

using base::ByteView;

std::optional<Element> next(ByteView& list) {
  if (list.empty()) return std::nullopt;
  // mbedTLS does not write, whatever the type says.
  auto* at = const_cast<unsigned char*>(list.data());
  const unsigned char* end = list.data() + list.size();
  const int tag = *at;
  std::size_t size = 0;
  if (mbedtls_asn1_get_tag(&at, end, &size, tag) != 0) return std::nullopt;
  const ByteView value{at, size};
  list = ByteView{at + size, static_cast<std::size_t>(end - (at + size))};
  return Element{tag, value};
}

std::optional<Extension> find_extension(const mbedtls_x509_crt& certificate, ByteView oid) {
  ByteView outer{certificate.v3_ext.p, certificate.v3_ext.len};
  auto list = next(outer);
  if (!list) return std::nullopt;
  while (auto extension = next(list->value)) {
    ByteView parts = extension->value;
    const auto name = next(parts);
    if (!name || !base::equal(name->value, oid)) continue;
    auto part = next(parts);
    const bool critical = part && part->tag == MBEDTLS_ASN1_BOOLEAN && !part->value.empty() &&
                          part->value.front() != 0;
    if (part && part->tag == MBEDTLS_ASN1_BOOLEAN) part = next(parts);
    return Extension{critical, part ? part->value : ByteView{}};
  }
  return std::nullopt;
}

int parse_certificate(mbedtls_x509_crt& chain, ByteView der, Storage storage) {
  const auto known = [](void*, const mbedtls_x509_crt*, const mbedtls_x509_buf* oid, int,
                        const unsigned char*, const unsigned char*) {
    const bool ours = base::equal({oid->p, oid->len}, kNameConstraints);
    return ours ? 0 : MBEDTLS_ERR_X509_INVALID_EXTENSIONS;
  };
  return mbedtls_x509_crt_parse_der_with_ext_cb(&chain, der.data(), der.size(),
                                                storage == Storage::kCopy ? 1 : 0, known, nullptr);
}

bool is_self_issued(const mbedtls_x509_crt& certificate) {
  const auto& subject = certificate.subject_raw;
  const auto& issuer = certificate.issuer_raw;
  return base::equal({subject.p, subject.len}, {issuer.p, issuer.len});
}

}  // namespace mix::tls::detail
