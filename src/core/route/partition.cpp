// SPDX-License-Identifier: PostgreSQL
#include "core/route/partition.h"

namespace fraiseql {

uint32_t PartitionOf(std::string_view key, uint32_t count) {
  constexpr uint32_t kOffsetBasis = 2166136261U;
  constexpr uint32_t kPrime = 16777619U;
  uint32_t hash = kOffsetBasis;
  for (const char c : key) hash = (hash ^ static_cast<unsigned char>(c)) * kPrime;
  return hash % count;
}

}  // namespace fraiseql
