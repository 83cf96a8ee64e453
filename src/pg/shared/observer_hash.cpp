// SPDX-License-Identifier: PostgreSQL
extern "C" {
#include "postgres.h"

#include "common/hashfn.h"
}

#include "pg/shared/observer_hash.h"

namespace fraiseql::pg {

uint64_t ObserverHash(const std::string& name) {
  const uint64 hash = hash_bytes_extended(reinterpret_cast<const unsigned char*>(name.data()),
                                          static_cast<int>(name.size()), 0);
  return hash != 0 ? hash : 1;
}

}  // namespace fraiseql::pg
