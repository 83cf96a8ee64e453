// SPDX-License-Identifier: PostgreSQL
extern "C" {
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"
}

#include "pg/commit_wake.h"
#include "pg/ddl_hooks.h"
#include "pg/gucs.h"
#include "pg/launcher.h"
#include "pg/notify_capture.h"
#include "pg/own_objects.h"
#include "pg/restore_mark.h"
#include "pg/settings_check.h"
#include "pg/shmem.h"
#include "pg/trace_context.h"

extern "C" {

PG_MODULE_MAGIC;

PGDLLEXPORT void _PG_init(void);

void _PG_init(void) {
  using namespace fraiseql::pg;
  if (process_shared_preload_libraries_in_progress) NoteGivenSettings();
  DefineSettings();
  InstallOwnObjects();
  if (!process_shared_preload_libraries_in_progress) return;  // SQL functions only
  InstallSharedMemoryHooks();
  InstallCommitWake();
  InstallDdlHooks();
  InstallRestoreMark();
  InstallTraceContext();
  InstallNotifyCapture();
  RegisterLauncher();
}
}
