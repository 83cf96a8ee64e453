// SPDX-License-Identifier: PostgreSQL
extern "C" {
#include "postgres.h"

#include "catalog/dependency.h"
#include "catalog/namespace.h"
#include "catalog/pg_namespace.h"
#include "commands/extension.h"
#include "miscadmin.h"
#include "storage/lock.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
}

#include "pg/base/plugin_name.h"
#include "pg/base/own_objects.h"

namespace fraiseql::pg {

namespace {

Freshness freshness;
Oid own_schema = InvalidOid;

// The type of a cache's number depends on the version of Postgres.
template <typename CacheId>
void OnNamespaceChanged(Datum, CacheId, uint32) {
  freshness.Invalidate();
}

// The install script creates the schema, and fails if it exists: so it is a member of the
// extension.  Only a superuser can make it a member of another one.
bool IsMember(Oid schema) {
  const Oid extension = getExtensionOfObject(NamespaceRelationId, schema);
  if (!OidIsValid(extension)) return false;
  char* name = get_extension_name(extension);
  const bool is_ours = name != nullptr && strcmp(name, kPluginName) == 0;
  if (name != nullptr) pfree(name);
  return is_ours;
}

}  // namespace

Oid OwnSchema() {
  if (freshness.IsFresh()) return own_schema;
  const uint64_t begin = freshness.Begin();
  const Oid schema = get_namespace_oid(kSchemaName, true);
  own_schema = OidIsValid(schema) && IsMember(schema) ? schema : InvalidOid;
  freshness.Done(begin);
  return own_schema;
}

Oid OwnInternalSchema() {
  if (!OidIsValid(OwnSchema())) return InvalidOid;
  const Oid schema = get_namespace_oid(kInternalSchemaName, true);
  return OidIsValid(schema) && IsMember(schema) ? schema : InvalidOid;
}

Oid FindOwnTable(const char* name) {
  const Oid schema = OwnSchema();
  return OidIsValid(schema) ? get_relname_relid(name, schema) : InvalidOid;
}

bool LockOwnSchema(bool wait) {
  const Oid schema = OwnSchema();
  if (!OidIsValid(schema)) return false;
  LOCKTAG tag;
  SET_LOCKTAG_OBJECT(tag, MyDatabaseId, NamespaceRelationId, schema, 0);
  if (LockAcquire(&tag, AccessShareLock, false, !wait) == LOCKACQUIRE_NOT_AVAIL) return false;
  AcceptInvalidationMessages();
  return OwnSchema() == schema;
}

void InstallOwnObjects() {
  CacheRegisterSyscacheCallback(NAMESPACEOID, OnNamespaceChanged, Datum{0});
}

}  // namespace fraiseql::pg
