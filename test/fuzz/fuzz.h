// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

// For the fuzz targets: a condition that must hold whatever the input is.
#define MUST(condition)                                                            \
  do {                                                                             \
    if (!(condition)) {                                                            \
      std::fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition); \
      std::abort();                                                                \
    }                                                                              \
  } while (false)

namespace fraiseql {

inline std::string_view TextOf(const uint8_t* data, size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

// Takes up to `size` bytes off the front.
inline std::string_view Take(std::string_view* text, size_t size) {
  const std::string_view taken = text->substr(0, size);
  text->remove_prefix(taken.size());
  return taken;
}
inline uint8_t TakeByte(std::string_view* text) {
  const std::string_view taken = Take(text, 1);
  return taken.empty() ? 0 : static_cast<uint8_t>(taken[0]);
}

// Whether the text is fit for a log, as ForeignText() promises.
inline bool IsClean(std::string_view text) {
  for (const char c : text) {
    if (c < ' ' || c >= 127) return false;
  }
  return text.size() < 1200;
}

}  // namespace fraiseql

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);
