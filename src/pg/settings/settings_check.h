// SPDX-License-Identifier: PostgreSQL
#pragma once

// Settings fraiseql_nats.* that Postgres refuses as they are written: it warns once, in its log,
// and uses another value.  Include after postgres.h.

#include "core/base/status.h"

namespace fraiseql::pg {

// Called in the postmaster, before and after the settings are defined: they record, for all
// processes, which values the server was started with and has refused.  The second one logs unknown
// names.
void NoteGivenSettings();
void NoteRefusedSettings();

// What is wrong with the settings in the files and on the command line.
struct SettingsProblem {
  Status status;  // ok: nothing
  // The server was started with a value that it refused, and no other value that an administrator
  // wrote replaces it: the built-in default is in force, which the administrator did not choose.
  // If false, the value in force was valid before, or the name is unknown.
  bool nothing_in_force = false;
};

// Reads the server's configuration files.  Not for sessions: it takes a fraction of a millisecond
// and may raise if out of memory.
SettingsProblem CheckWrittenSettings();

// Whether a value that an administrator has given the setting is in force.
bool IsWritten(const char* name);

// Whether `text`, as an administrator may write it, stands for the value that is in force.
bool HasValue(const char* name, const char* text);

}  // namespace fraiseql::pg
