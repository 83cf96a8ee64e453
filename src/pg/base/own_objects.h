// SPDX-License-Identifier: PostgreSQL
#pragma once

// The extension's objects in the catalogs.  A name alone proves nothing: any role that may create a
// schema could have created one with our name.  Include after postgres.h.

#include <cstdint>

namespace fraiseql::pg {

constexpr char kSchemaName[] = "fraiseql_nats";
constexpr char kInternalSchemaName[] = "fraiseql_nats_internal";

// What was read from the catalogs is current until the next Invalidate().  After an invalidation
// during the read, or an error that ends it, it is read again.
class Freshness {
 public:
  void Invalidate() { ++now_; }
  bool IsFresh() const { return read_ == now_; }
  // Called before reading; the result is the argument of Done() afterwards.
  uint64_t Begin() const { return now_; }
  void Done(uint64_t begin) { read_ = begin; }

 private:
  uint64_t now_ = 1;
  uint64_t read_ = 0;
};

// OID of the schema fraiseql_nats, or InvalidOid unless it belongs to the extension.  Cached; may
// raise.  REQUIRES: a transaction or a decoding callback.
Oid OwnSchema();

// The same for fraiseql_nats_internal, looked up each time.
Oid OwnInternalSchema();

// OID of a table in the schema fraiseql_nats, as the current snapshot of the catalogs sees it, or
// InvalidOid.
Oid FindOwnTable(const char* name);

// Blocks DROP EXTENSION until the end of the transaction, so that our names in SQL refer to our
// objects.  False if the extension does not exist; without `wait`, also if another session holds a
// conflicting lock.
bool LockOwnSchema(bool wait);

// Called once, from _PG_init of the postmaster, before anything else here.
void InstallOwnObjects();

}  // namespace fraiseql::pg
