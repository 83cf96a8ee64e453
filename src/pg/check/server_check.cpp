// SPDX-License-Identifier: PostgreSQL
#include <algorithm>
#include <initializer_list>

extern "C" {
#include "postgres.h"

#include "access/xlog.h"
}

#include "pg/base/version.h"
#include "pg/base/compat.h"
#include "pg/check/server_check.h"
#include "pg/settings/gucs.h"
#include "pg/shared/shmem.h"

namespace fraiseql::pg {

namespace {

// The workers read the log: without `capture = notify`, and with a log that can be decoded.
bool ReadsLog() { return settings.capture != kCaptureNotify; }

void CheckLibrary(Findings* findings, void*) {
  if (shared == nullptr) {
    findings->Add(kErrorLevel, "setting \"shared_preload_libraries\"",
                  "the library is not loaded, and nothing is published",
                  "Add \"fraiseql_nats\" to \"shared_preload_libraries\" and restart the server.");
  }
  if (ReadsLog() && !CanBeLogical()) {
    findings->Add(kErrorLevel, "setting \"wal_level\"",
                  psprintf("it is not %s: the log does not have what is to be published",
                           kNeededWalLevelName),
                  psprintf("Set \"wal_level\" to %s and restart the server.", kNeededWalLevelName));
  }
  const VersionMismatch mismatch = FindVersionMismatch();
  if (mismatch.reason != nullptr) {
    findings->Add(mismatch.is_unsafe ? kErrorLevel : kWarningLevel, "extension", mismatch.reason,
                  mismatch.hint);
  }
}

void CheckPendingSettings(Findings* findings, void*) {
  ForEachRow(
      "SELECT name FROM pg_catalog.pg_settings WHERE pending_restart AND (name IN ('wal_level',"
      " 'shared_preload_libraries', 'max_replication_slots', 'max_worker_processes')"
      " OR name LIKE 'fraiseql\\_nats.%') ORDER BY name",
      [](char** row, Findings* all) {
        all->Add(kWarningLevel, psprintf("setting \"%s\"", row[0]),
                 "its value in the file is not in force", "Restart the server.");
      },
      findings);
}

// A stream that has no slot yet needs a free one.
void CheckSlots(Findings* findings, void*) {
  if (shared == nullptr || !ReadsLog() || !CanBeLogical() || RecoveryInProgress()) return;
  ForEachRow(
      "SELECT missing.count, setting FROM pg_catalog.pg_settings,"
      " LATERAL (SELECT count(*) FROM fraiseql_nats.status() WHERE NOT EXISTS"
      " (SELECT FROM pg_catalog.pg_replication_slots WHERE slot_name = slot::name)) missing,"
      " LATERAL (SELECT count(*) FROM pg_catalog.pg_replication_slots) used"
      " WHERE name = 'max_replication_slots' AND missing.count > setting::bigint - used.count",
      [](char** row, Findings* all) {
        all->Add(
            kErrorLevel, "setting \"max_replication_slots\"",
            psprintf("streams without a replication slot: %s; there are not as many free among "
                     "the %s",
                     row[0], row[1]),
            "Increase \"max_replication_slots\" and restart the server, or drop slots that are "
            "not needed; see pg_replication_slots.");
      },
      findings);
}

bool IsOneOf(const char* state, std::initializer_list<const char*> states) {
  return std::any_of(states.begin(), states.end(),
                     [=](const char* other) { return strcmp(state, other) == 0; });
}

// The columns: stream, state, reason, hint, alarm, dead letters of consumers, gaps, whether the
// broker is known to fail.
void FindInStatus(char** row, Findings* findings) {
  const char* object = psprintf("stream \"%s\"", row[0]);
  const char* state = row[1];
  const char* reason = row[2];
  const bool broker_fails = strcmp(row[7], "t") == 0;  // told once, for all that follows from it
  const bool waits_for_broker = broker_fails && IsOneOf(state, {"connecting", "waiting"});
  if ((reason[0] != '\0' || strcmp(state, "streaming") != 0) && !waits_for_broker) {
    const bool is_error =
        !RecoveryInProgress() && !IsOneOf(state, {"disabled", "paused", "starting", "connecting"});
    findings->Add(
        is_error ? kErrorLevel : kWarningLevel, object,
        psprintf("its worker is \"%s\"%s%s", state, reason[0] != '\0' ? ": " : "", reason),
        row[3][0] != '\0' ? row[3] : "See fraiseql_nats.status() and the server log.");
  }
  if (row[4][0] != '\0') {
    findings->Add(kErrorLevel, object, row[4],
                  "See the table fraiseql_nats.alarm, and confirm with "
                  "fraiseql_nats.acknowledge_alarm().");
  }
  if (row[5][0] != '\0' && !broker_fails) {
    findings->Add(kWarningLevel, object, psprintf("dead letters of its consumers: %s", row[5]),
                  "They are moved as soon as this is corrected.");
  }
  if (strcmp(row[6], "0") != 0) {
    findings->Add(kWarningLevel, object, psprintf("it lacks parts of the log: %s", row[6]),
                  "See the table fraiseql_nats.gap; publish the rows with "
                  "fraiseql_nats.backfill(), and delete the rows of the table.");
  }
}

void CheckStates(Findings* findings, void* argument) {
  if (shared == nullptr || (ReadsLog() && !CanBeLogical())) return;
  ForEachRow(psprintf("SELECT coalesce(stream, 'default'), state, reason, hint, alarm, dlq_trouble,"
                      " gaps, %s FROM fraiseql_nats.status()",
                      *static_cast<bool*>(argument) ? "true" : "false"),
             FindInStatus, findings);
}

void CheckDeadLetters(Findings* findings, void*) {
  ForEachRow(
      "SELECT stream, count(*), reason, hint FROM fraiseql_nats.dead_letter"
      " WHERE outcome IS NULL GROUP BY stream, reason, hint ORDER BY stream, min(id)",
      [](char** row, Findings* all) {
        all->Add(kErrorLevel, psprintf("stream \"%s\"", row[0]),
                 psprintf("dead letters: %s, because of: %s", row[1], row[2]),
                 psprintf("%s%sSee fraiseql_nats.dead_letters().", row[3],
                          row[3][0] != '\0' ? "  " : ""));
      },
      findings);
}

}  // namespace

void CheckServer(Findings* findings) {
  findings->Run("extension", CheckLibrary, nullptr);
  findings->Run("settings", CheckPendingSettings, nullptr);
  findings->Run("replication slots", CheckSlots, nullptr);
}

void CheckWorkers(Findings* findings, bool broker_fails) {
  findings->Run("workers", CheckStates, &broker_fails);
  findings->Run("dead letters", CheckDeadLetters, nullptr);
}

}  // namespace fraiseql::pg
