// SPDX-License-Identifier: PostgreSQL
extern "C" {
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"
}

#include "pg/worker/commit_wake.h"
#include "pg/worker/ddl_hooks.h"
#include "pg/settings/gucs.h"
#include "pg/sql/sql_stream_table.h"
#include "pg/base/compat.h"
#include "pg/base/plugin_name.h"
#include "pg/worker/launcher.h"
#include "pg/capture/notify_capture.h"
#include "pg/base/own_objects.h"
#include "pg/capture/restore_mark.h"
#include "pg/settings/settings_check.h"
#include "pg/shared/shmem.h"
#include "pg/shared/stream_subjects.h"
#include "pg/capture/trace_context.h"

extern "C" {

OWN_MODULE_MAGIC(fraiseql::pg::kPluginName, FRAISEQL_NATS_VERSION);

PGDLLEXPORT void _PG_init(void);

void _PG_init(void) {
  using namespace fraiseql::pg;
  if (process_shared_preload_libraries_in_progress) NoteGivenSettings();
  DefineSettings();
  InstallOwnObjects();
  InstallStreamSubjects();
  if (!process_shared_preload_libraries_in_progress) return;  // SQL functions only
  InstallSharedMemoryHooks();
  InstallCommitWake();
  InstallStreamTable();
  InstallDdlHooks();
  InstallRestoreMark();
  InstallTraceContext();
  InstallNotifyCapture();
  RegisterLauncher();
}
}
