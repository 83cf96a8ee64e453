// SPDX-License-Identifier: PostgreSQL
#pragma once

// Include after postgres.h.

namespace fraiseql::pg {

// The name of the library and plugin: what slots of ours carry.
constexpr char kPluginName[] = "fraiseql_nats";

// Newer minor releases only load output plugins that an administrator has listed in
// output_plugin_libraries.  Allows ours for this process (or, with `nest_level`, until the end of
// the current GUC nest level) without widening what others may do.
void AllowOwnPlugin(bool nest_level);

}  // namespace fraiseql::pg
