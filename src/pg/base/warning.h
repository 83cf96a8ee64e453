// SPDX-License-Identifier: PostgreSQL
#pragma once

// Warnings that are shown to the client, or that check() collects.  Include after postgres.h.

namespace fraiseql::pg {

// In the style of ereport().  The texts are palloc'd or constant; detail and hint may be empty.
struct Warning {
  const char* message;
  const char* detail;
  const char* hint;
};

// What becomes of a warning.  `take` may raise.
struct WarningSink {
  void (*take)(const Warning& warning, void* argument);
  void* argument;
};

// ereport(WARNING).
extern const WarningSink kWarnClient;

inline void GiveWarning(const WarningSink& sink, const Warning& warning) {
  sink.take(warning, sink.argument);
}

}  // namespace fraiseql::pg
