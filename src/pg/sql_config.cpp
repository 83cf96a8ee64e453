// SPDX-License-Identifier: PostgreSQL
// What SQL sees of FraiseQL's files: their values, the observers that they declare, their errors.
#include <csignal>
#include <cstdlib>

#include "core/observer.h"

extern "C" {
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/tuplestore.h"
}

#include "pg/config_files.h"
#include "pg/guard.h"

namespace fraiseql::pg {

namespace {

// Builds rows of texts.  Lives in a memory context, as it holds what an error may leave.
class TextRows {
 public:
  explicit TextRows(FunctionCallInfo fcinfo) {
    InitMaterializedSRF(fcinfo, 0);
    info_ = reinterpret_cast<ReturnSetInfo*>(fcinfo->resultinfo);
  }

  // An empty text becomes null.
  TextRows& Add(const std::string& text) {
    nulls_[count_] = text.empty();
    values_[count_++] = text.empty() ? Datum{0} : CStringGetTextDatum(text.c_str());
    return *this;
  }
  TextRows& Add(const std::vector<std::string>& texts) {
    auto* items = static_cast<Datum*>(palloc(sizeof(Datum) * (texts.size() + 1)));
    for (size_t i = 0; i < texts.size(); ++i) items[i] = CStringGetTextDatum(texts[i].c_str());
    nulls_[count_] = texts.empty();
    values_[count_++] = PointerGetDatum(
        construct_array(items, static_cast<int>(texts.size()), TEXTOID, -1, false, TYPALIGN_INT));
    return *this;
  }
  void EndRow() {
    tuplestore_putvalues(info_->setResult, info_->setDesc, values_, nulls_);
    count_ = 0;
  }

 private:
  ReturnSetInfo* info_;
  Datum values_[16];
  bool nulls_[16];
  int count_ = 0;
};

const char* SourceName(SettingSource source) {
  switch (source) {
    case SettingSource::kEnvironment:
      return "environment variable";
    case SettingSource::kObserverFile:
      return "fraiseql-observer.toml";
    case SettingSource::kFile:
      return "fraiseql.toml";
  }
  return "";
}

LoadedConfig* Load() {
  auto* loaded = NewInContext<LoadedConfig>(CurrentMemoryContext);
  LoadConfig(loaded);
  return loaded;
}

void ConfigValues(FunctionCallInfo fcinfo) {
  const LoadedConfig* loaded = Load();
  TextRows rows(fcinfo);
  auto* name = NewInContext<std::string>(CurrentMemoryContext);
  for (const Setting& setting : loaded->config.settings) {
    *name = "fraiseql_nats." + setting.name;
    rows.Add(*name).Add(setting.value.text);
    *name = SourceName(setting.value.source);
    rows.Add(*name).Add(setting.value.where).EndRow();
  }
}

void DeclaredObservers(FunctionCallInfo fcinfo) {
  const LoadedConfig* loaded = Load();
  TextRows rows(fcinfo);
  auto* table = NewInContext<std::string>(CurrentMemoryContext);
  for (const ObserverRule& rule : loaded->config.rules) {
    *table = rule.table.empty() ? "tb_" + SnakeCase(rule.entity) : rule.table;
    rows.Add(rule.name).Add(*table).Add(rule.events).Add(rule.subject).Add(rule.columns);
    rows.Add(rule.format)
        .Add(rule.source)
        .Add(rule.condition)
        .Add(rule.when)
        .Add(rule.entity)
        .Add(rule.where);
    rows.EndRow();
  }
}

void AddProblems(const std::vector<ConfigProblem>& problems, const char* level, TextRows* rows) {
  auto* text = NewInContext<std::string>(CurrentMemoryContext);
  for (const ConfigProblem& problem : problems) {
    *text = level;
    rows->Add(*text);
    *text = PlaceText(problem.source, problem.at);
    rows->Add(*text).Add(problem.reason).Add(problem.hint).EndRow();
  }
}

void ValidateConfig(FunctionCallInfo fcinfo) {
  const auto environment = [](const std::string& name) -> std::optional<std::string> {
    const char* value = std::getenv(name.c_str());
    if (value == nullptr) return std::nullopt;
    return value;
  };
  auto* loaded = NewInContext<LoadedConfig>(CurrentMemoryContext);
  if (PG_ARGISNULL(0)) {
    LoadConfig(loaded);
  } else {
    const char* config = text_to_cstring(PG_GETARG_TEXT_PP(0));
    loaded->errors = ParseConfigText(config, environment, &loaded->config);
  }
  TextRows rows(fcinfo);
  AddProblems(loaded->errors, "error", &rows);
  AddProblems(loaded->config.warnings, "warning", &rows);
}

void Reload() {
  const LoadedConfig* loaded = Load();
  if (!loaded->errors.empty()) {
    const char* detail = pstrdup(ProblemText(loaded->errors).c_str());
    ereport(ERROR, (errcode(ERRCODE_CONFIG_FILE_ERROR),
                    errmsg("the configuration files are wrong, nothing is reloaded"),
                    errdetail("%s", detail)));
  }
  if (kill(PostmasterPid, SIGHUP) != 0) {
    ereport(ERROR, (errmsg("could not tell the server to reload: %m")));
  }
}

}  // namespace

}  // namespace fraiseql::pg

extern "C" {

PG_FUNCTION_INFO_V1(fraiseql_nats_config_values);
PG_FUNCTION_INFO_V1(fraiseql_nats_declared_observers);
PG_FUNCTION_INFO_V1(fraiseql_nats_validate_config);
PG_FUNCTION_INFO_V1(fraiseql_nats_reload);

Datum fraiseql_nats_config_values(PG_FUNCTION_ARGS) {
  fraiseql::pg::Guard([=] { fraiseql::pg::ConfigValues(fcinfo); });
  return Datum{0};
}

Datum fraiseql_nats_declared_observers(PG_FUNCTION_ARGS) {
  fraiseql::pg::Guard([=] { fraiseql::pg::DeclaredObservers(fcinfo); });
  return Datum{0};
}

Datum fraiseql_nats_validate_config(PG_FUNCTION_ARGS) {
  fraiseql::pg::Guard([=] { fraiseql::pg::ValidateConfig(fcinfo); });
  return Datum{0};
}

Datum fraiseql_nats_reload(PG_FUNCTION_ARGS) {
  (void)fcinfo;
  fraiseql::pg::Guard([] { fraiseql::pg::Reload(); });
  PG_RETURN_VOID();
}
}
