// SPDX-License-Identifier: PostgreSQL
extern "C" {
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/pg_extension.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/rel.h"
}

#include "core/base/dotted_version.h"
#include "pg/base/plugin_name.h"
#include "pg/base/version.h"

namespace fraiseql::pg {

namespace {

// The Makefile passes the version from fraiseql_nats.control.  One string, so that a program can
// read the version from the library's file without loading it.
constexpr char kIdentification[] = "fraiseql_nats library " FRAISEQL_NATS_VERSION;
constexpr size_t kPrefixLength = sizeof("fraiseql_nats library ") - 1;

// The oldest SQL that this library supports.
constexpr char kOldestExtensionVersion[] = "1.0";

constexpr char kUpdateHint[] =
    "Run ALTER EXTENSION fraiseql_nats UPDATE in each database that has it.";

}  // namespace

const char* LibraryVersion() { return kIdentification + kPrefixLength; }

const char* ExtensionVersion() {
  ::Relation table = table_open(ExtensionRelationId, AccessShareLock);
  ScanKeyData key;
  ScanKeyInit(&key, Anum_pg_extension_extname, BTEqualStrategyNumber, F_NAMEEQ,
              CStringGetDatum(kPluginName));
  SysScanDesc scan = systable_beginscan(table, ExtensionNameIndexId, true, nullptr, 1, &key);
  const char* version = nullptr;
  if (HeapTuple tuple = systable_getnext(scan); HeapTupleIsValid(tuple)) {
    bool is_null = true;
    const Datum value =
        heap_getattr(tuple, Anum_pg_extension_extversion, RelationGetDescr(table), &is_null);
    if (!is_null) version = TextDatumGetCString(value);
  }
  systable_endscan(scan);
  table_close(table, AccessShareLock);
  return version;
}

VersionMismatch FindVersionMismatch() {
  const char* library = LibraryVersion();
  const char* extension = ExtensionVersion();
  if (extension == nullptr || strcmp(library, extension) == 0) return {nullptr, nullptr, false};
  const char* reason =
      psprintf("library fraiseql_nats is of version %s, and the extension of version %s", library,
               extension);
  if (CompareVersions(extension, library) > 0) {
    return {reason,
            psprintf("Restart the server, so that it loads the library of version %s; install it "
                     "before, if that has not been done.",
                     extension),
            true};
  }
  return {reason, kUpdateHint, CompareVersions(extension, kOldestExtensionVersion) < 0};
}

}  // namespace fraiseql::pg
