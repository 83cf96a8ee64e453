// SPDX-License-Identifier: PostgreSQL
#include <string>
#include <vector>

#include "config/nearest_name.h"

extern "C" {
#include "postgres.h"

#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/guc_tables.h"
#include "utils/memutils.h"
}

#include "pg/base/compat.h"
#include "pg/settings/settings_check.h"

namespace fraiseql::pg {

namespace {

constexpr char kPrefix[] = "fraiseql_nats.";
constexpr size_t kPrefixSize = sizeof(kPrefix) - 1;
constexpr int kMaxRefused = 64;

// A setting that the server was started with.  Before it is defined, Postgres keeps the text as a
// placeholder; if the definition refuses it, Postgres only logs a warning.
struct GivenSetting {
  char name[NAMEDATALEN];
  GucSource source;
};
GivenSetting given[kMaxRefused];  // after NoteRefusedSettings(): those that were refused
int given_count = 0;

bool IsOurs(const char* name) { return pg_strncasecmp(name, kPrefix, kPrefixSize) == 0; }

// Null if the setting does not exist, or is only a placeholder.
const config_generic* FindSetting(const char* name) {
  const config_generic* found = nullptr;
  ForEachSetting([&](const config_generic* setting) {
    if (pg_strcasecmp(setting->name, name) == 0) found = setting;
  });
  return found != nullptr && (found->flags & GUC_CUSTOM_PLACEHOLDER) == 0 ? found : nullptr;
}

// Palloc'd; empty if no name is similar.
const char* Suggestion(const char* name) {
  std::vector<std::string_view> known;
  ForEachSetting([&](const config_generic* setting) {
    if (!IsOurs(setting->name) || (setting->flags & GUC_CUSTOM_PLACEHOLDER) != 0) return;
    known.push_back(setting->name + kPrefixSize);
  });
  const std::string_view given_name = name + kPrefixSize;
  std::string_view nearest = NearestName(given_name, known);
  for (const std::string_view longer : known) {
    if (nearest.empty() && longer.substr(0, given_name.size()) == given_name) nearest = longer;
  }
  if (nearest.empty()) return "";
  auto* hint = static_cast<char*>(
      palloc_extended(nearest.size() + 64, MCXT_ALLOC_NO_OOM));  // must not raise here
  if (hint == nullptr) return "";
  snprintf(hint, nearest.size() + 64, "Perhaps you meant \"%s%.*s\".", kPrefix,
           static_cast<int>(nearest.size()), nearest.data());
  return hint;
}

// Palloc'd, like all texts below that must survive calls that may raise.
const char* Place(const ConfigVariable* item) {
  const char* slash = strrchr(item->filename, '/');
  return psprintf("line %d of \"%s\"", item->sourceline,
                  slash != nullptr ? slash + 1 : item->filename);
}

// Why Postgres would refuse the value, palloc'd; null if it would not.  Does not repeat a value
// that may be a password: our check hooks refuse texts, and say in their errdetail what is wrong.
const char* WhyRefused(const config_generic* setting, const char* value, const char** hint) {
  const MemoryContext context = CurrentMemoryContext;
  const char* volatile reason = nullptr;
  PG_TRY();
  {
    (void)set_config_option(setting->name, value, PGC_POSTMASTER, PGC_S_FILE, GUC_ACTION_SET, false,
                            ERROR, false);
  }
  PG_CATCH();
  {
    MemoryContextSwitchTo(context);
    const ErrorData* error = CopyErrorData();
    FlushErrorState();
    *hint = error->hint;
    reason = error->detail != nullptr ? error->detail : "";
    if (setting->vartype != PGC_STRING && error->detail == nullptr) reason = error->message;
  }
  PG_END_TRY();
  return reason;
}

bool NothingInForce(const config_generic* setting) {
  for (int i = 0; i < given_count; ++i) {
    if (pg_strcasecmp(given[i].name, setting->name) == 0) return setting->source < given[i].source;
  }
  return false;
}

// What is wrong.  Plain data with palloc'd texts, since Postgres may raise.
struct Finding {
  const char* message = nullptr;
  const char* hint = nullptr;
  bool nothing_in_force = false;
};

void CheckItem(const ConfigVariable* item, Finding* finding) {
  const config_generic* setting = FindSetting(item->name);
  if (setting == nullptr) {
    if (finding->message != nullptr) return;  // a finding with higher priority exists
    finding->message = psprintf("unrecognized setting \"%s\", %s", item->name, Place(item));
    finding->hint = Suggestion(item->name);
    return;
  }
  const char* hint = nullptr;
  const char* reason = WhyRefused(setting, item->value, &hint);
  if (reason == nullptr) return;
  const bool nothing_in_force = NothingInForce(setting);
  if (finding->nothing_in_force && !nothing_in_force) return;
  finding->nothing_in_force = nothing_in_force;
  finding->message = psprintf("invalid value for \"%s\", %s%s%s", setting->name, Place(item),
                              reason[0] != '\0' ? ": " : "", reason);
  finding->hint = hint != nullptr ? hint : pstrdup("");
}

// Whether this is the last item of its name.
bool IsLast(const ConfigVariable* item) {
  for (const ConfigVariable* later = item->next; later != nullptr; later = later->next) {
    if (later->name != nullptr && pg_strcasecmp(later->name, item->name) == 0) return false;
  }
  return true;
}

void ReadFiles(Finding* finding) {
  ConfigVariable* head = nullptr;
  ConfigVariable* tail = nullptr;
  const bool good =
      ParseConfigFile(ConfigFileName, true, nullptr, 0, 0, DEBUG5, &head, &tail) &&
      ParseConfigFile(PG_AUTOCONF_FILENAME, false, nullptr, 0, 0, DEBUG5, &head, &tail);
  for (const ConfigVariable* item = head; item != nullptr; item = item->next) {
    if (item->errmsg != nullptr && !good && finding->message == nullptr) {
      finding->message =
          psprintf("%s, %s: no change of the file is applied", item->errmsg, Place(item));
    }
    if (item->name != nullptr && item->errmsg == nullptr && IsOurs(item->name) && IsLast(item)) {
      CheckItem(item, finding);
    }
  }
}

// Values on the command line stay until the server is restarted.
void CheckCommandLine(Finding* finding) {
  for (int i = 0; i < given_count; ++i) {
    const config_generic* setting = FindSetting(given[i].name);
    if (given[i].source != PGC_S_ARGV || setting == nullptr || !NothingInForce(setting)) continue;
    finding->nothing_in_force = true;
    finding->message =
        psprintf("invalid value for \"%s\" in the command line of the server", given[i].name);
    finding->hint = pstrdup("Correct it and restart the server; its log says what is wrong.");
  }
}

}  // namespace

void NoteGivenSettings() {
  ForEachSetting([](const config_generic* setting) {
    if (!IsOurs(setting->name) || given_count == kMaxRefused) return;
    strlcpy(given[given_count].name, setting->name, sizeof(given[0].name));
    given[given_count++].source = setting->source;
  });
}

void NoteRefusedSettings() {
  int refused = 0;
  for (int i = 0; i < given_count; ++i) {
    const config_generic* setting = FindSetting(given[i].name);
    if (setting != nullptr && setting->source < given[i].source) given[refused++] = given[i];
    if (setting != nullptr) continue;
    const char* hint = Suggestion(given[i].name);
    ereport(WARNING, (errmsg("unrecognized setting \"%s\"", given[i].name),
                      hint[0] != '\0' ? errhint("%s", hint) : 0));
  }
  given_count = refused;
}

bool IsWritten(const char* name) {
  const config_generic* setting = FindSetting(name);
  return setting != nullptr && setting->source > PGC_S_DYNAMIC_DEFAULT;
}

bool HasValue(const char* name, const char* text) {
  const config_generic* setting = FindSetting(name);
  if (setting == nullptr) return false;
  switch (setting->vartype) {
    case PGC_BOOL: {
      bool value = false;
      return parse_bool(text, &value) &&
             value == *reinterpret_cast<const config_bool*>(setting)->variable;
    }
    case PGC_INT: {
      int value = 0;
      return parse_int(text, &value, setting->flags, nullptr) &&
             value == *reinterpret_cast<const config_int*>(setting)->variable;
    }
    case PGC_REAL: {
      double value = 0;
      return parse_real(text, &value, setting->flags, nullptr) &&
             value == *reinterpret_cast<const config_real*>(setting)->variable;
    }
    default:
      return pg_strcasecmp(text, GetConfigOption(name, true, false)) == 0;
  }
}

SettingsProblem CheckWrittenSettings() {
  const MemoryContext context =
      AllocSetContextCreate(CurrentMemoryContext, "fraiseql_nats settings", ALLOCSET_DEFAULT_SIZES);
  const MemoryContext old = MemoryContextSwitchTo(context);
  Finding finding;
  ReadFiles(&finding);
  CheckCommandLine(&finding);
  MemoryContextSwitchTo(old);
  SettingsProblem problem;
  problem.nothing_in_force = finding.nothing_in_force;
  if (finding.message != nullptr) {
    std::string message = finding.message;
    while (!message.empty() && message.back() == '.') message.pop_back();
    problem.status = Status::Invalid(message, finding.hint != nullptr ? finding.hint : "");
  }
  MemoryContextDelete(context);
  return problem;
}

}  // namespace fraiseql::pg
