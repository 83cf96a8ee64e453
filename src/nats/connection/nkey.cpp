// SPDX-License-Identifier: PostgreSQL
//
// An NKey is text: base32 (RFC 4648, without padding) of
//   seed:        two bytes that spell "SU", 32 bytes of Ed25519 seed, CRC-16
//   public key:  one byte that spells "U",  32 bytes of Ed25519 key,  CRC-16
// The CRC (XMODEM) covers all bytes before it; its low byte comes first.
#include "nats/connection/nkey.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <cstddef>
#include <cstdint>

namespace fraiseql::nats {

namespace {

constexpr char kBase32[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
constexpr size_t kKeyBytes = 32;
constexpr size_t kSeedBytes = 2 + kKeyBytes + 2;
constexpr size_t kSeedChars = 58;
constexpr uint8_t kPublicUserPrefix = 20 << 3;  // "U"

uint16_t Crc16(const uint8_t* data, size_t size) {
  uint16_t crc = 0;
  for (size_t i = 0; i < size; ++i) {
    crc = static_cast<uint16_t>(crc ^ (data[i] << 8));
    for (int bit = 0; bit < 8; ++bit) {
      crc = static_cast<uint16_t>((crc & 0x8000) != 0 ? (crc << 1) ^ 0x1021 : crc << 1);
    }
  }
  return crc;
}

// False unless `text` is base32 of exactly the bytes of a seed.
bool DecodeSeed(std::string_view text, uint8_t (&bytes)[kSeedBytes]) {
  const std::string_view alphabet(kBase32, 32);
  uint32_t pending = 0;
  int bits = 0;
  size_t size = 0;
  for (const char c : text) {
    const size_t value = alphabet.find(c);
    if (value == std::string_view::npos) return false;
    pending = (pending << 5 | static_cast<uint32_t>(value)) & 0xFFF;
    bits += 5;
    if (bits < 8) continue;
    bits -= 8;
    if (size == kSeedBytes) return false;
    bytes[size++] = static_cast<uint8_t>(pending >> bits);
  }
  return size == kSeedBytes;
}

std::string EncodePublic(const uint8_t (&key)[kKeyBytes]) {
  uint8_t bytes[1 + kKeyBytes + 2] = {kPublicUserPrefix};
  for (size_t i = 0; i < kKeyBytes; ++i) bytes[1 + i] = key[i];
  const uint16_t crc = Crc16(bytes, 1 + kKeyBytes);
  bytes[1 + kKeyBytes] = static_cast<uint8_t>(crc & 0xFF);
  bytes[2 + kKeyBytes] = static_cast<uint8_t>(crc >> 8);
  static_assert(sizeof(bytes) * 8 % 5 == 0, "no padding needed");
  std::string text;
  uint32_t pending = 0;
  int bits = 0;
  for (const uint8_t byte : bytes) {
    pending = (pending << 8 | byte) & 0xFFFF;
    for (bits += 8; bits >= 5; bits -= 5) text.push_back(kBase32[(pending >> (bits - 5)) & 31]);
  }
  return text;
}

// The line that looks like a user's seed; empty if there is none.
std::string_view FindSeed(std::string_view content) {
  while (!content.empty()) {
    std::string_view line = content.substr(0, content.find('\n'));
    content.remove_prefix(line.size() < content.size() ? line.size() + 1 : line.size());
    const size_t begin = line.find_first_not_of(" \t\r");
    if (begin == std::string_view::npos) continue;
    line = line.substr(begin, line.find_last_not_of(" \t\r") - begin + 1);
    if (line.substr(0, 2) == "SU" && line.size() == kSeedChars) return line;
  }
  return {};
}

// Null, and the reason in `*status`, on failure.
EVP_PKEY* KeyPair(std::string_view seed_file, Status* status) {
  const std::string_view seed = FindSeed(seed_file);
  uint8_t bytes[kSeedBytes];
  if (seed.empty() || !DecodeSeed(seed, bytes) ||
      Crc16(bytes, kSeedBytes - 2) != (bytes[kSeedBytes - 2] | bytes[kSeedBytes - 1] << 8)) {
    *status = Status::Invalid("nkey_seed_file: no user seed found in the file",
                              "A user's seed is a line of 58 characters that begins with \"SU\".");
    return nullptr;
  }
  EVP_PKEY* pair = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, bytes + 2, kKeyBytes);
  OPENSSL_cleanse(bytes, sizeof(bytes));
  if (pair == nullptr) *status = Status::Internal("OpenSSL cannot use an Ed25519 key");
  return pair;
}

std::string UrlBase64(const uint8_t* data, size_t size) {
  constexpr char kDigits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  std::string text;
  uint32_t pending = 0;
  int bits = 0;
  for (size_t i = 0; i < size; ++i) {
    pending = (pending << 8 | data[i]) & 0xFFFF;
    for (bits += 8; bits >= 6; bits -= 6) text.push_back(kDigits[(pending >> (bits - 6)) & 63]);
  }
  if (bits > 0) text.push_back(kDigits[(pending << (6 - bits)) & 63]);
  return text;
}

}  // namespace

Status PublicNkey(std::string_view seed_file, std::string* public_key) {
  Status status;
  EVP_PKEY* pair = KeyPair(seed_file, &status);
  if (pair == nullptr) return status;
  uint8_t key[kKeyBytes];
  size_t key_size = sizeof(key);
  const bool ok = EVP_PKEY_get_raw_public_key(pair, key, &key_size) == 1;
  EVP_PKEY_free(pair);
  if (!ok) return Status::Internal("OpenSSL cannot derive an Ed25519 public key");
  *public_key = EncodePublic(key);
  return status;
}

Status SignWithNkey(std::string_view seed_file, std::string_view nonce, std::string* signature) {
  Status status;
  EVP_PKEY* pair = KeyPair(seed_file, &status);
  if (pair == nullptr) return status;
  uint8_t bytes[64];
  size_t size = sizeof(bytes);
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  const bool ok = context != nullptr &&
                  EVP_DigestSignInit(context, nullptr, nullptr, nullptr, pair) == 1 &&
                  EVP_DigestSign(context, bytes, &size,
                                 reinterpret_cast<const uint8_t*>(nonce.data()), nonce.size()) == 1;
  EVP_MD_CTX_free(context);
  EVP_PKEY_free(pair);
  if (!ok) return Status::Internal("OpenSSL cannot sign with an Ed25519 key");
  *signature = UrlBase64(bytes, size);
  return status;
}

}  // namespace fraiseql::nats
