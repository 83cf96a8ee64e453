// SPDX-License-Identifier: PostgreSQL
#include "core/base/uuid.h"

// The functions of OpenSSL that are not deprecated look up the algorithm for each text, which costs
// several times as much as the digest of a short name.
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/sha.h>

#include <cstring>

namespace fraiseql {

void AppendUuid5(std::string_view name, std::string* out) {
  constexpr unsigned char kNamespaceOid[16] = {0x6b, 0xa7, 0xb8, 0x12, 0x9d, 0xad, 0x11, 0xd1,
                                               0x80, 0xb4, 0x00, 0xc0, 0x4f, 0xd4, 0x30, 0xc8};
  unsigned char bytes[SHA_DIGEST_LENGTH];
  SHA_CTX context;
  SHA1_Init(&context);
  SHA1_Update(&context, kNamespaceOid, sizeof(kNamespaceOid));
  SHA1_Update(&context, name.data(), name.size());
  SHA1_Final(bytes, &context);
  bytes[6] = static_cast<unsigned char>((bytes[6] & 0x0F) | 0x50);
  bytes[8] = static_cast<unsigned char>((bytes[8] & 0x3F) | 0x80);

  // All sixteen bytes at once: the compiler has vector instructions for it.
  char digits[32];
  for (int i = 0; i < 16; ++i) {
    const int high = bytes[i] >> 4, low = bytes[i] & 0x0F;
    digits[2 * i] = static_cast<char>(high + (high < 10 ? '0' : 'a' - 10));
    digits[2 * i + 1] = static_cast<char>(low + (low < 10 ? '0' : 'a' - 10));
  }
  char text[36];
  text[8] = text[13] = text[18] = text[23] = '-';
  std::memcpy(text, digits, 8);
  std::memcpy(text + 9, digits + 8, 4);
  std::memcpy(text + 14, digits + 12, 4);
  std::memcpy(text + 19, digits + 16, 4);
  std::memcpy(text + 24, digits + 20, 12);
  out->append(text, sizeof(text));
}

}  // namespace fraiseql
