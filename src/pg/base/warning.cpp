// SPDX-License-Identifier: PostgreSQL
extern "C" {
#include "postgres.h"
}

#include "pg/base/warning.h"

namespace fraiseql::pg {

namespace {

void WarnClient(const Warning& warning, void*) {
  ereport(WARNING, (errmsg("%s", warning.message),
                    warning.detail[0] != '\0' ? errdetail("%s", warning.detail) : 0,
                    warning.hint[0] != '\0' ? errhint("%s", warning.hint) : 0));
}

}  // namespace

const WarningSink kWarnClient{WarnClient, nullptr};

}  // namespace fraiseql::pg
