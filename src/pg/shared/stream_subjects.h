// SPDX-License-Identifier: PostgreSQL
#pragma once

// Which stream of this database takes a subject.  Everything here may raise.  Include after
// postgres.h.

#include <string>

#include "core/route/observer.h"
#include "pg/settings/stream_rows.h"

namespace fraiseql::pg {

// The stream for messages with a subject (or with all subjects of a pattern with wildcards):
// `asked`, which must exist; or, if that is empty, the one stream whose subjects cover it; or, if
// none does, the default stream, which is an empty name.  Raises if several streams cover the
// subject.
std::string ChooseStreamFor(const std::string& subject, const std::string& asked);

// The same for everything that an observer sends, with its `stream` as `asked`; `table` is the name
// of its table, or null.
std::string ChooseStreamFor(const Observer& observer, const char* table);

// A pattern of all subjects that an observer publishes on; `table` is the name of its table, or
// null.
std::string PatternOf(const Observer& observer, const char* table,
                      const std::string& subject_prefix, const std::string& topic_prefix);

// Where the messages of an observer go.
struct Destination {
  std::string subject;    // the template, as it is applied
  std::string stream;     // its name at the broker
  bool is_known = false;  // the worker has seen which subjects the stream takes
  bool is_taken = false;  // it takes every subject that the template can become
};
Destination DestinationOf(const Observer& observer, const char* table);

// A stream as its worker has last seen it, else as configured; empty: the default stream.
struct StreamNames {
  std::string name;  // at the broker
  std::string subject_prefix;
  std::string topic_prefix;
  bool own_id_header = false;  // see Origin
};
StreamNames NamesOf(const std::string& stream);

// The row of the stream named `stream`; null or "default" names the default stream.  Null if the
// default stream has no row.  Raises if the stream does not exist.  Valid until the next call of
// these functions.
const StreamRow* FindStream(const char* stream);

// Warns if the stream, as its worker has last seen it, does not take the subject.  Does nothing
// while that is unknown.
void WarnIfNotTaken(const std::string& subject, const std::string& stream);
void WarnIfNotTaken(const Observer& observer, const char* table, const std::string& stream);

// Called once, from _PG_init of the postmaster.
void InstallStreamSubjects();

}  // namespace fraiseql::pg
