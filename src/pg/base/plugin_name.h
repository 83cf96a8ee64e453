// SPDX-License-Identifier: PostgreSQL
#pragma once

// Include after postgres.h.

namespace fraiseql::pg {

// The name of the library and of the output plugin of our slots.
constexpr char kPluginName[] = "fraiseql_nats";

// Newer minor releases only load output plugins that an administrator has listed in
// output_plugin_libraries.  Allows ours in this process (or, with `nest_level`, until the end of
// the current GUC nest level) without allowing other plugins.
void AllowOwnPlugin(bool nest_level);

}  // namespace fraiseql::pg
