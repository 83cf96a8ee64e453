// SPDX-License-Identifier: PostgreSQL
#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

extern "C" {
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/pg_database.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/procsignal.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"
}

#include "pg/base/compat.h"
#include "pg/settings/config_files.h"
#include "pg/deadletter/dead_letter_spool.h"
#include "pg/base/plugin_name.h"
#include "pg/settings/gucs.h"
#include "pg/base/guard.h"
#include "pg/worker/launcher.h"
#include "pg/base/pinned_settings.h"
#include "pg/settings/settings_check.h"
#include "pg/base/shared_text.h"
#include "pg/shared/shmem.h"
#include "pg/slot/slot.h"
#include "pg/base/decodable_lsn.h"

namespace fraiseql::pg {

namespace {

// How often to look for databases that were created without a hook call, by a restore for example.
constexpr long kScanIntervalMs = 60000;
// How soon to look again while a start is under way or postponed.
constexpr long kBusyIntervalMs = 100;

struct FoundDatabase {
  Oid oid;
  bool wanted;  // connections are allowed, and fraiseql_nats.databases names it
};

class Launcher {
 public:
  void Run();

 private:
  bool Enabled() const { return settings.enabled && !disabled_by_file_; }
  void ReadConfig();
  void LogDisabled();
  void ScanDatabases();
  void Tend();
  void RepeatReload();
  bool TendEntry(WorkerEntry* entry);
  bool Start(WorkerEntry* entry);
  bool StartFailed(WorkerEntry* entry);
  void Probe();

  std::vector<FoundDatabase> databases_;
  std::set<Oid> without_extension_;  // as a worker that probed them has found
  std::map<std::pair<Oid, int32>, BackgroundWorkerHandle*> handles_;
  bool disabled_by_file_ = false;  // fraiseql-observer.toml switches publishing off
  bool reported_disabled_ = false;
  bool reported_no_worker_slot_ = false;
  bool busy_ = false;
  bool repeats_reload_ = false;  // a moment after the reload
};

void Launcher::ScanDatabases() {
  databases_.clear();
  StartTransactionCommand();
  (void)GetTransactionSnapshot();
  ::Relation relation = table_open(DatabaseRelationId, AccessShareLock);
  SysScanDesc scan = systable_beginscan(relation, InvalidOid, false, nullptr, 0, nullptr);
  HeapTuple tuple;
  while (HeapTupleIsValid(tuple = systable_getnext(scan))) {
    const auto* form = reinterpret_cast<const FormData_pg_database*>(GETSTRUCT(tuple));
    databases_.push_back(
        {form->oid, form->datallowconn && IsDatabaseWanted(NameStr(form->datname))});
  }
  systable_endscan(scan);
  table_close(relation, AccessShareLock);
  CommitTransactionCommand();
  RemoveDeadLetterSpools(
      [](Oid database, const void* found) {
        const auto& all = *static_cast<const std::vector<FoundDatabase>*>(found);
        return std::any_of(all.begin(), all.end(),
                           [=](const FoundDatabase& d) { return d.oid == database; });
      },
      &databases_);
}

// Whether the worker ended before it attached to its entry, because the fork failed for example.
bool Launcher::StartFailed(WorkerEntry* entry) {
  const auto found = handles_.find({entry->database, entry->stream});
  if (found == handles_.end()) return true;
  pid_t pid = 0;
  return GetBackgroundWorkerPid(found->second, &pid) == BGWH_STOPPED;
}

// False if no background worker slot is free.  REQUIRES: lock, exclusive.
bool Launcher::Start(WorkerEntry* entry) {
  BackgroundWorker worker{};
  worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
  worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
  worker.bgw_restart_time = BGW_NEVER_RESTART;  // the launcher restarts it, with back-off
  snprintf(worker.bgw_library_name, BGW_MAXLEN, "%s", kPluginName);
  snprintf(worker.bgw_function_name, BGW_MAXLEN, "fraiseql_nats_worker_main");
  snprintf(worker.bgw_name, BGW_MAXLEN, "%s for database %u", kWorkerType, entry->database);
  if (entry->stream != kDefaultStream) {
    const size_t size = strlen(worker.bgw_name);
    snprintf(worker.bgw_name + size, BGW_MAXLEN - size, ", stream %d", entry->stream);
  }
  snprintf(worker.bgw_type, BGW_MAXLEN, "%s", kWorkerType);
  const WorkerKey key{entry->database, entry->stream};
  static_assert(sizeof(key) <= BGW_EXTRALEN);
  memcpy(worker.bgw_extra, &key, sizeof(key));
  worker.bgw_notify_pid = MyProcPid;
  BackgroundWorkerHandle* handle = nullptr;
  if (RegisterDynamicBackgroundWorker(&worker, &handle)) {
    BackgroundWorkerHandle*& kept = handles_[{entry->database, entry->stream}];
    if (kept != nullptr) pfree(kept);
    kept = handle;
    entry->starting = true;
    reported_no_worker_slot_ = false;
    return true;
  }
  ClipText("no free background worker slot", entry->texts.reason);
  ClipText("Increase \"max_worker_processes\" and restart the server.", entry->texts.hint);
  entry->not_before = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), 10000);
  if (!reported_no_worker_slot_) {
    reported_no_worker_slot_ = true;
    ereport(LOG, (errmsg("no free background worker slot for database %u", entry->database),
                  errhint("Increase \"max_worker_processes\" and restart the server.")));
  }
  return false;
}

// Whether no process may be connected to the database now.  REQUIRES: lock.
bool IsVacating(Oid database) {
  bool vacating = false;
  ForEachEntry(database,
               [&](const WorkerEntry* entry) { vacating = vacating || entry->vacating > 0; });
  return vacating;
}

// Advances one entry.  False if it has freed the entry.  REQUIRES: lock, exclusive.
bool Launcher::TendEntry(WorkerEntry* entry) {
  const Oid oid = entry->database;
  const auto database = std::find_if(databases_.begin(), databases_.end(),
                                     [=](const FoundDatabase& d) { return d.oid == oid; });
  if (entry->starting && entry->pid == 0 && StartFailed(entry)) {
    entry->starting = false;
    ++entry->failures;
    ClipText("the worker could not be started", entry->texts.reason);
    ClipText("See the server's log; the launcher retries.", entry->texts.hint);
    entry->not_before = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), 1000);
  }
  if (entry->pid != 0 || entry->starting) return true;
  if (IsVacating(oid)) return true;  // Reopen() must find the entry to decrement the counter
  if (database == databases_.end() ||
      (!entry->has_extension && !entry->drop_slot && !entry->reserved)) {
    if (entry->without_extension && entry->stream == kDefaultStream) without_extension_.insert(oid);
    FreeStats({oid, entry->stream});
    FreeEntry(entry);
    return false;
  }
  if (entry->drop_slot || entry->reserved || entry->held) return true;  // Tend() drops the slot
  if (!Enabled() || !database->wanted) return true;
  if (entry->not_before > GetCurrentTimestamp()) {
    busy_ = true;
    return true;
  }
  (void)Start(entry);
  return true;
}

// Drops the slots of streams that have no entry because none was free.
void DropFurtherSlots(Oid database) {
  const std::string prefix = std::string(OwnSlotName({database, kDefaultStream}).c_str()) + "_";
  for (const SlotName& slot : SlotsWithPrefix(prefix)) (void)TryDropSlot(slot.c_str());
}

void Launcher::Tend() {
  busy_ = false;
  for (int i = 0; i < shared->entry_count; ++i) {
    WorkerEntry* entry = &shared->entries[i];
    LWLockAcquire(shared->lock, LW_EXCLUSIVE);
    const WorkerKey key{entry->database, entry->stream};
    if (OidIsValid(key.database)) (void)TendEntry(entry);
    const bool drop =
        OidIsValid(entry->database) && entry->drop_slot && entry->pid == 0 && !entry->starting;
    busy_ = busy_ || entry->starting;
    LWLockRelease(shared->lock);
    if (!drop) continue;
    busy_ = true;
    if (!TryDropSlot(OwnSlotName(key).c_str())) continue;  // in use: retried later
    RemoveDeadLetterSpool(key);
    if (key.stream == kDefaultStream) DropFurtherSlots(key.database);
    LWLockAcquire(shared->lock, LW_EXCLUSIVE);
    entry->drop_slot = false;
    FreeStats(key);
    busy_ = true;  // look again: a new extension may wait for its worker
    LWLockRelease(shared->lock);
  }
  Probe();
}

// Starts a worker in one database that has not been probed, to see whether it has the extension.
// One at a time, so that a server with many databases does not start many processes at once.
void Launcher::Probe() {
  if (!Enabled()) return;
  LWLockAcquire(shared->lock, LW_EXCLUSIVE);
  bool probing = false;
  for (int i = 0; i < shared->entry_count; ++i) {
    const WorkerEntry& entry = shared->entries[i];
    probing = probing || (OidIsValid(entry.database) && !entry.has_extension);
  }
  for (const FoundDatabase& database : databases_) {
    if (probing) break;
    if (!database.wanted || without_extension_.count(database.oid) > 0 ||
        FindEntry({database.oid, kDefaultStream}) != nullptr) {
      continue;
    }
    WorkerEntry* entry = FindOrAddEntry({database.oid, kDefaultStream});
    if (entry != nullptr && !Start(entry)) FreeEntry(entry);
    probing = true;
  }
  busy_ = busy_ || probing;
  LWLockRelease(shared->lock);
}

// fraiseql-observer.toml may switch publishing off, unless an administrator has set it in
// postgresql.conf.  Nothing else in the files concerns the launcher; the workers report their
// errors.
void Launcher::ReadConfig() {
  LoadedConfig config;
  LoadConfig(&config);
  if (config.errors.empty()) {
    std::string place;
    for (const Setting& setting : config.config.settings) {
      if (setting.name == "enabled" && setting.value.text == "off") place = setting.value.where;
    }
    if (IsWritten("fraiseql_nats.enabled")) place.clear();
    disabled_by_file_ = !place.empty();
    LWLockAcquire(shared->lock, LW_EXCLUSIVE);
    ClipText(place.c_str(), shared->launcher.disabled_by);
    LWLockRelease(shared->lock);
  }
  LogDisabled();
}

// The slots keep the log of all databases while publishing is off, so the server's log says so.
void Launcher::LogDisabled() {
  if (Enabled() == !reported_disabled_) return;
  reported_disabled_ = !Enabled();
  if (reported_disabled_) {
    ereport(LOG, (errmsg("publishing is switched off"),
                  errdetail("The log is kept, up to \"max_slot_wal_keep_size\", and published when "
                            "it is on again."),
                  errhint("To keep none, drop the extension in the databases that have it.")));
  } else {
    ereport(LOG, (errmsg("publishing is switched on")));
  }
}

// A process that has just been forked loses the postmaster's signal: BackgroundWorkerMain() ignores
// it until there is a handler.  A worker that was new at that time and has read nothing since is
// told once more.
void Launcher::RepeatReload() {
  constexpr int kDelayMs = 1000;  // a worker needs a moment
  constexpr int kNewMs = 5000;    // so long before this process was told
  const TimestampTz reloaded_at = shared->reloaded_at;
  if (!repeats_reload_ ||
      !TimestampDifferenceExceeds(reloaded_at, GetCurrentTimestamp(), kDelayMs)) {
    return;
  }
  repeats_reload_ = false;
  LWLockAcquire(shared->lock, LW_SHARED);
  for (int i = 0; i < shared->entry_count; ++i) {
    const WorkerEntry& entry = shared->entries[i];
    // One that attached later knows: see Attach().
    const bool was_new = entry.attached_at <= reloaded_at &&
                         !TimestampDifferenceExceeds(entry.attached_at, reloaded_at, kNewMs);
    if (entry.pid != 0 && was_new && !entry.has_reloaded) (void)kill(entry.pid, SIGHUP);
  }
  LWLockRelease(shared->lock);
}

void Launcher::Run() {
  if (XLogRecPtrIsInvalid(shared->start_lsn)) shared->start_lsn = DecodableLsn();
  ReadConfig();
  while (!ShutdownRequestPending) {
    ScanDatabases();
    Tend();
    (void)pgstat_report_stat(true);
    pgstat_report_activity(STATE_IDLE, nullptr);
    (void)WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
                    busy_ || repeats_reload_ ? kBusyIntervalMs : kScanIntervalMs,
                    LauncherMainEvent());
    ResetLatch(MyLatch);
    CHECK_FOR_INTERRUPTS();
    if (ConfigReloadPending) {
      ConfigReloadPending = false;
      ProcessConfigFile(PGC_SIGHUP);
      ReadConfig();
      LWLockAcquire(shared->lock, LW_EXCLUSIVE);
      shared->reloaded_at = GetCurrentTimestamp();
      LWLockRelease(shared->lock);
      repeats_reload_ = true;
    }
    RepeatReload();
  }
}

void Detach(int, Datum) { shared->launcher_latch = nullptr; }

}  // namespace

void RegisterLauncher() {
  if (IsBinaryUpgrade) return;  // pg_upgrade allows no other connection, and from 17 on no slot use
  BackgroundWorker worker{};
  worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
  // Not on a standby: the slot of a primary is used there after promotion.
  worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
  worker.bgw_restart_time = 1;
  snprintf(worker.bgw_library_name, BGW_MAXLEN, "%s", kPluginName);
  snprintf(worker.bgw_function_name, BGW_MAXLEN, "fraiseql_nats_launcher_main");
  snprintf(worker.bgw_name, BGW_MAXLEN, "%s", kLauncherType);
  snprintf(worker.bgw_type, BGW_MAXLEN, "%s", kLauncherType);
  RegisterBackgroundWorker(&worker);
}

}  // namespace fraiseql::pg

extern "C" {

PGDLLEXPORT void fraiseql_nats_launcher_main(Datum);

void fraiseql_nats_launcher_main(Datum) {
  using namespace fraiseql::pg;
  pqsignal(SIGHUP, SignalHandlerForConfigReload);
  pqsignal(SIGTERM, SignalHandlerForShutdownRequest);
  BackgroundWorkerUnblockSignals();
  BackgroundWorkerInitializeConnection(nullptr, nullptr, 0);
  PinProcessSettings();
  shared->launcher_latch = MyLatch;
  before_shmem_exit(Detach, 0);
  // Lives until the process ends; the kernel frees it.
  auto* launcher = new Launcher;
  Guard([=] { launcher->Run(); });
  proc_exit(1);  // the postmaster restarts it if it was only terminated
}
}
