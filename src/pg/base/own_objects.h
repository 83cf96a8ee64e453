// SPDX-License-Identifier: PostgreSQL
#pragma once

// The extension's objects in the catalogs.  A name alone proves nothing: whoever may create a
// schema could have made one of ours.  Include after postgres.h.

#include <cstdint>

namespace fraiseql::pg {

constexpr char kSchemaName[] = "fraiseql_nats";

// What was read from the catalogs is current until the next Invalidate().  One that arrives while
// it is being read, and an error that ends the reading, leave it to be read again.
class Freshness {
 public:
  void Invalidate() { ++now_; }
  bool IsFresh() const { return read_ == now_; }
  // To be taken before reading, and given to Done() afterwards.
  uint64_t Begin() const { return now_; }
  void Done(uint64_t begin) { read_ = begin; }

 private:
  uint64_t now_ = 1;
  uint64_t read_ = 0;
};

// OID of the schema fraiseql_nats, or InvalidOid unless it belongs to the extension.  Cached; may
// raise.  REQUIRES: a transaction or a decoding callback.
Oid OwnSchema();

// OID of a table in it, as the current snapshot of the catalogs sees it, or InvalidOid.
Oid FindOwnTable(const char* name);

// Keeps DROP EXTENSION, and so whatever could be put into the place of our objects, waiting until
// the end of the transaction: SQL of ours can be relied on to mean them.  False if the extension is
// not there; without `wait`, also if it may be about to go.
bool LockOwnSchema(bool wait);

// Called once, from _PG_init of the postmaster, before anything else here.
void InstallOwnObjects();

}  // namespace fraiseql::pg
