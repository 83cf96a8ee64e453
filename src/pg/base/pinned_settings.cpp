// SPDX-License-Identifier: PostgreSQL
extern "C" {
#include "postgres.h"

#include "utils/guc.h"
}

#include "pg/base/pinned_settings.h"

namespace fraiseql::pg {

namespace {

struct Pinned {
  const char* name;
  const char* value;
};

constexpr Pinned kOfValues[] = {{"DateStyle", "ISO, YMD"},
                                {"IntervalStyle", "postgres"},
                                {"TimeZone", "UTC"},
                                {"bytea_output", "hex"},
                                {"extra_float_digits", "1"},
                                {"lc_monetary", "C"},
                                {"xmlbinary", "base64"},
                                {"search_path", "pg_catalog, pg_temp"},
                                {"standard_conforming_strings", "on"},
                                {"transform_null_equals", "off"},
                                {"array_nulls", "on"}};

constexpr Pinned kOfProcess[] = {{"role", "none"},
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

void Pin(const Pinned& setting, bool nest_level) {
  const char* present = GetConfigOption(setting.name, true, false);
  if (present == nullptr) return;  // not every version has all of them
  if (!nest_level) {
    SetConfigOption(setting.name, setting.value, PGC_SUSET, PGC_S_OVERRIDE);
  } else if (strcmp(present, setting.value) != 0) {
    // Only where it differs: each setting with a saved value costs time at the end of every decoded
    // transaction, before PostgreSQL 16 a walk through all settings.
    (void)set_config_option(setting.name, setting.value, PGC_USERSET, PGC_S_SESSION,
                            GUC_ACTION_SAVE, true, 0, false);
  }
}

}  // namespace

void PinSettings(bool nest_level) {
  for (const Pinned& setting : kOfValues) Pin(setting, nest_level);
}

void PinProcessSettings() {
  for (const Pinned& setting : kOfProcess) Pin(setting, false);
}

}  // namespace fraiseql::pg
