// SPDX-License-Identifier: PostgreSQL
#pragma once

// The library and the SQL of the extension are installed together and take effect separately: the
// library when the server is restarted, the SQL by ALTER EXTENSION UPDATE in each database.
// Include after postgres.h.

namespace fraiseql::pg {

// The version of the library that this process has loaded.
const char* LibraryVersion();

// The version of the extension in this database, palloc'd; null: it is not installed.  May raise.
// REQUIRES: a transaction.
const char* ExtensionVersion();

// Why the versions differ, and what brings them in line.
struct VersionMismatch {
  const char* reason;  // null: they do not differ
  const char* hint;
  bool is_unsafe;  // the library does not support this SQL
};
VersionMismatch FindVersionMismatch();

}  // namespace fraiseql::pg
