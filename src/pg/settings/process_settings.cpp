// SPDX-License-Identifier: PostgreSQL
extern "C" {
#include "postgres.h"

#include "utils/guc.h"
}

#include "pg/settings/process_settings.h"

namespace fraiseql::pg {

void PinProcessSettings() {
  static constexpr struct {
    const char* name;
    const char* value;
  } kPinned[] = {{"role", "none"},
                 {"session_replication_role", "origin"},
                 {"row_security", "on"},
                 {"statement_timeout", "0"},
                 {"lock_timeout", "0"},
                 {"transaction_timeout", "0"},
                 {"idle_in_transaction_session_timeout", "0"},
                 {"idle_session_timeout", "0"},
                 {"default_transaction_isolation", "read committed"},
                 {"default_transaction_read_only", "off"},
                 {"default_transaction_deferrable", "off"},
                 {"default_tablespace", ""},
                 {"temp_tablespaces", ""},
                 {"default_table_access_method", "heap"},
                 {"check_function_bodies", "off"}};
  for (const auto& setting : kPinned) {
    // Not each version has all of them.
    if (GetConfigOption(setting.name, true, false) == nullptr) continue;
    SetConfigOption(setting.name, setting.value, PGC_SUSET, PGC_S_OVERRIDE);
  }
}

}  // namespace fraiseql::pg
