// SPDX-License-Identifier: PostgreSQL
extern "C" {
#include "postgres.h"

#include "utils/guc.h"
}

#include "pg/base/plugin_name.h"

namespace fraiseql::pg {

void AllowOwnPlugin(bool nest_level) {
  constexpr char kSetting[] = "output_plugin_libraries";
  if (GetConfigOption(kSetting, true, false) == nullptr) return;  // an older minor release
  if (nest_level) {
    (void)set_config_option(kSetting, kPluginName, PGC_SUSET, PGC_S_SESSION, GUC_ACTION_SAVE, true,
                            0, false);
  } else {
    SetConfigOption(kSetting, kPluginName, PGC_POSTMASTER, PGC_S_OVERRIDE);
  }
}

}  // namespace fraiseql::pg
