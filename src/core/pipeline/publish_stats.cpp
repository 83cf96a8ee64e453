// SPDX-License-Identifier: PostgreSQL
#include "core/pipeline/publish_stats.h"

#include <algorithm>

namespace fraiseql {

int LatencyCounts::BucketOf(int64_t us) {
  if (us <= BoundUs(0)) return 0;
  // The number of bits of the multiple of the first bound that lies just below the time.
  const int bits = 64 - __builtin_clzll(static_cast<uint64_t>(us - 1) / BoundUs(0));
  return std::min(bits, kBuckets - 1);
}

uint64_t LatencyCounts::messages() const {
  uint64_t all = 0;
  for (const Counter& bucket : buckets) all += bucket.Get();
  return all;
}

int LatencyCounts::BucketOfQuantile(double quantile) const {
  const uint64_t all = messages();
  uint64_t passed = 0;
  for (int i = 0; i < kBuckets; ++i) {
    passed += buckets[i].Get();
    if (passed > 0 && static_cast<double>(passed) >= quantile * static_cast<double>(all)) return i;
  }
  return -1;
}

}  // namespace fraiseql
