// SPDX-License-Identifier: PostgreSQL
#pragma once

// Which stream of this database a subject is for.  Everything here may raise.  Include after
// postgres.h.

#include <string>

#include "core/route/observer.h"
#include "pg/settings/stream_rows.h"

namespace fraiseql::pg {

// The stream that messages with a subject (or with all subjects of a pattern with wildcards) go to:
// `asked`, which must exist; or, if that is empty, the one whose subjects cover it, of which there
// may be one at most; or, if none does, the default stream, which is an empty name.
std::string ChooseStreamFor(const std::string& subject, const std::string& asked);

// The same for all that an observer sends, by what its `stream` asks for; `table` is the name of
// its table, or null.
std::string ChooseStreamFor(const Observer& observer, const char* table);

// What the stream has of its own, `stream` being its name, or null or "default" for the default
// stream; null: nothing.  Raises if it does not exist.  Valid until the next call of these
// functions.
const StreamRow* FindStream(const char* stream);

// Warns if the stream, as its worker has last seen it, does not take the subject.  Says nothing
// while that is not known.
void WarnIfNotTaken(const std::string& subject, const std::string& stream);
void WarnIfNotTaken(const Observer& observer, const char* table, const std::string& stream);

// Called once, from _PG_init of the postmaster.
void InstallStreamSubjects();

}  // namespace fraiseql::pg
