// SPDX-License-Identifier: PostgreSQL
#pragma once

// The library and the SQL of the extension are installed together and take effect apart: the one
// when the server is restarted, the other by ALTER EXTENSION UPDATE in each database.  Include
// after postgres.h.

namespace fraiseql::pg {

// Of the library that this process has loaded.
const char* LibraryVersion();

// Of the extension in this database, palloc'd; null: it does not have it.  May raise.  REQUIRES: a
// transaction.
const char* ExtensionVersion();

// What is to be done before both are of one version.
struct VersionMismatch {
  const char* reason;  // null: they are
  const char* hint;
  bool is_unsafe;  // the library does not know what the SQL means
};
VersionMismatch FindVersionMismatch();

}  // namespace fraiseql::pg
