// SPDX-License-Identifier: PostgreSQL
extern "C" {
#include "postgres.h"
}

#include "pg/base/isolation.h"
#include "pg/base/shared_text.h"
#include "pg/base/subtransaction.h"

namespace fraiseql::pg {

namespace {

// An error that occurs once often recurs for many rows.
constexpr int64_t kIsolatedChanges = 1000000;
constexpr int kDeathsOfChange = 2;

// The current change of the process that decodes.
Position place;

char last_error[256];
bool database_has_gone = false;
bool ended_by_error = false;  // and not by a request to end
emit_log_hook_type previous_emit_log = nullptr;

void OnLog(ErrorData* error) {
  if (error->elevel == FATAL && error->sqlerrcode == ERRCODE_UNDEFINED_DATABASE) {
    database_has_gone = true;
    error->output_to_server = false;
  }
  if (error->elevel >= ERROR) ended_by_error = error->elevel == ERROR;
  const bool unwanted = error->elevel == ERROR ||
                        (error->elevel == FATAL && error->sqlerrcode != ERRCODE_ADMIN_SHUTDOWN);
  if (unwanted && error->message != nullptr) ClipText(error->message, last_error);
  if (previous_emit_log != nullptr) previous_emit_log(error);
}

}  // namespace

Isolation::Isolation(const WorkerDeaths& deaths)
    : remaining_(deaths.count > 0 ? kIsolatedChanges : 0), deaths_(deaths) {}

void Isolation::BeginChange(const Position& position) {
  place = position;
  if (remaining_ == 0) return;
  --remaining_;
  died_here_ = deaths_.count >= kDeathsOfChange && position.commit_lsn == deaths_.commit_lsn &&
               position.ordinal == deaths_.ordinal;
}

void Isolation::EndTransaction() { place = {}; }

const char* Isolation::Try(void (*body)(void* argument), void* argument) {
  if (!on()) {
    body(argument);
    return nullptr;
  }
  const char* error =
      TryInSubtransaction(body, argument, died_here_ ? Tolerance::kAll : Tolerance::kOwnFault);
  if (error != nullptr) remaining_ = Max(remaining_, kIsolatedChanges);
  return error;
}

void CountDeath(WorkerDeaths* deaths) {
  if (place.commit_lsn == 0 || !ended_by_error) return;
  const bool same = deaths->commit_lsn == place.commit_lsn && deaths->ordinal == place.ordinal;
  *deaths = {place.commit_lsn, place.ordinal, same ? deaths->count + 1 : 1};
}

const char* LastError() { return last_error; }

bool DatabaseHasGone() { return database_has_gone; }

void NoteErrors() {
  previous_emit_log = emit_log_hook;
  emit_log_hook = OnLog;
}

}  // namespace fraiseql::pg
