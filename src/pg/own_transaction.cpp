// SPDX-License-Identifier: PostgreSQL
extern "C" {
#include "postgres.h"

#include "access/xact.h"
#include "executor/spi.h"
#include "utils/guc.h"
#include "utils/snapmgr.h"
}

#include "pg/own_transaction.h"

namespace fraiseql::pg {

namespace {

void SetLocal(const char* name, const char* value) {
  (void)set_config_option(name, value, PGC_USERSET, PGC_S_SESSION, GUC_ACTION_LOCAL, true, 0,
                          false);
}

}  // namespace

void BeginOwnTransaction() {
  SetCurrentStatementStartTimestamp();
  StartTransactionCommand();
  XactReadOnly = false;
  SetLocal("synchronous_commit", "local");
  SetLocal("search_path", "pg_catalog, pg_temp");
  SPI_connect();
  PushActiveSnapshot(GetTransactionSnapshot());
}

void CommitOwnTransaction() {
  SPI_finish();
  PopActiveSnapshot();
  CommitTransactionCommand();
}

}  // namespace fraiseql::pg
