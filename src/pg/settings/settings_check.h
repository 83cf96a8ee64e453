// SPDX-License-Identifier: PostgreSQL
#pragma once

// Settings fraiseql_nats.* that Postgres does not take as they are written: it warns, once, in its
// log, and goes on with another value.  Include after postgres.h.

#include "core/base/status.h"

namespace fraiseql::pg {

// In the postmaster, before and after the settings are defined: remembers, for all processes, which
// values it was started with and has refused.  The second one logs which names are unknown.
void NoteGivenSettings();
void NoteRefusedSettings();

// What is wrong with the settings that are written.
struct SettingsProblem {
  Status status;  // ok: nothing
  // The server was started with a value that it refused, and none that an administrator wrote has
  // taken its place: the built-in default is in force, which is no one's wish.  Else the value in
  // force is one that was right before, or the name is unknown.
  bool nothing_in_force = false;
};

// Reads the server's configuration files.  Not in a session: it takes a fraction of a millisecond
// and may raise for want of memory.
SettingsProblem CheckWrittenSettings();

// Whether an administrator has given the setting of this name a value that is in force.
bool IsWritten(const char* name);

}  // namespace fraiseql::pg
