// SPDX-License-Identifier: PostgreSQL
#include "core/base/uuid.h"

#include <openssl/evp.h>

#include <cassert>

namespace fraiseql {

namespace {

constexpr unsigned char kNamespaceOid[16] = {0x6b, 0xa7, 0xb8, 0x12, 0x9d, 0xad, 0x11, 0xd1,
                                             0x80, 0xb4, 0x00, 0xc0, 0x4f, 0xd4, 0x30, 0xc8};

void Sha1(std::string_view name, unsigned char* digest) {
  // Looked up once and kept: that costs several times what the digest of a short name does.
  static const EVP_MD* const kind = EVP_MD_fetch(nullptr, "SHA1", nullptr);
  static EVP_MD_CTX* const context = EVP_MD_CTX_new();
  [[maybe_unused]] const bool made =
      kind != nullptr && context != nullptr && EVP_DigestInit_ex2(context, kind, nullptr) == 1 &&
      EVP_DigestUpdate(context, kNamespaceOid, sizeof(kNamespaceOid)) == 1 &&
      EVP_DigestUpdate(context, name.data(), name.size()) == 1 &&
      EVP_DigestFinal_ex(context, digest, nullptr) == 1;
  assert(made);
}

}  // namespace

void AppendUuid5(std::string_view name, std::string* out) {
  constexpr char kDigits[] = "0123456789abcdef";
  unsigned char bytes[EVP_MAX_MD_SIZE] = {};
  Sha1(name, bytes);
  bytes[6] = static_cast<unsigned char>((bytes[6] & 0x0F) | 0x50);
  bytes[8] = static_cast<unsigned char>((bytes[8] & 0x3F) | 0x80);
  for (int i = 0; i < 16; ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) out->push_back('-');
    out->push_back(kDigits[bytes[i] >> 4]);
    out->push_back(kDigits[bytes[i] & 15]);
  }
}

}  // namespace fraiseql
