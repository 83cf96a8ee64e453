// SPDX-License-Identifier: PostgreSQL
// The SQL functions for FraiseQL's files.  Another process reads the files; only a text that SQL
// passes is parsed here.
#include <csignal>

#include "config/toml_config.h"

extern "C" {
#include "postgres.h"

#include "fmgr.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/builtins.h"
}

#include "core/base/server_url.h"
#include "pg/base/sql_function.h"
#include "pg/base/guard.h"
#include "pg/call/process_call.h"
#include "pg/call/process_functions.h"
#include "pg/base/server_text.h"

namespace fraiseql::pg {

namespace {

void ValidateConfig(FunctionCallInfo fcinfo) {
  if (PG_ARGISNULL(0)) {
    ReturnRows(fcinfo, CallProcess("validate_config"));
    return;
  }
  const char* given = ToUtf8Anyhow(text_to_cstring(PG_GETARG_TEXT_PP(0)));
  auto* config = NewInContext<Config>(CurrentMemoryContext);
  auto* problems = NewInContext<ConfigProblems>(CurrentMemoryContext);
  auto* rows = NewInContext<std::string>(CurrentMemoryContext);
  problems->errors = ParseConfigText(given, config);
  problems->warnings = config->warnings;
  problems->notices = config->notices;
  AppendConfigProblems(*problems, rows);
  ReturnRows(fcinfo, TextRowReader(*rows));
}

// One line for each error in the files; empty: none.
const char* ErrorsOfFiles() {
  TextRowReader rows = CallProcess("validate_config");
  StringInfoData errors;
  initStringInfo(&errors);
  for (uint32_t fields = 0; rows.NextRow(&fields) && fields == 4;) {
    const bool is_error = rows.NextField() == "error";
    const char* place = FromUtf8Anyhow(rows.NextField().value_or(""));
    const char* reason = FromUtf8Anyhow(rows.NextField().value_or(""));
    const char* hint = FromUtf8Anyhow(rows.NextField().value_or(""));
    if (!is_error) continue;
    appendStringInfo(&errors, "%s%s: %s", errors.len > 0 ? "\n" : "", place, reason);
    if (hint[0] != '\0') appendStringInfo(&errors, " (%s)", hint);
  }
  return errors.data;
}

void Reload() {
  const char* errors = ErrorsOfFiles();
  if (errors[0] != '\0') {
    ereport(ERROR, (errcode(ERRCODE_CONFIG_FILE_ERROR),
                    errmsg("the configuration files are wrong, nothing is reloaded"),
                    errdetail("%s", errors)));
  }
  if (kill(PostmasterPid, SIGHUP) != 0) {
    ereport(ERROR, (errmsg("could not signal the server to reload: %m")));
  }
}

Datum WithoutUserInfo(FunctionCallInfo fcinfo) {
  auto* shown = NewInContext<std::string>(CurrentMemoryContext);
  *shown = fraiseql::WithoutUserInfo(text_to_cstring(PG_GETARG_TEXT_PP(0)));
  return CStringGetTextDatum(shown->c_str());
}

}  // namespace

}  // namespace fraiseql::pg

SQL_FUNCTION(fraiseql_nats_config_values, ReturnRows(fcinfo, CallProcess("config_values")));
SQL_FUNCTION(fraiseql_nats_validate_config, ValidateConfig(fcinfo));
SQL_FUNCTION(fraiseql_nats_reload, Reload());
SQL_FUNCTION(fraiseql_nats_without_user_info, WithoutUserInfo(fcinfo));
