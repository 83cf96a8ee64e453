// SPDX-License-Identifier: PostgreSQL
#pragma once

// The rows of check().  Include after postgres.h.

extern "C" {
#include "fmgr.h"
}

namespace fraiseql::pg {

constexpr char kErrorLevel[] = "error";      // it stops publishing, or loses messages
constexpr char kWarningLevel[] = "warning";  // it works, but not as it should
constexpr char kOkLevel[] = "ok";

// Plain data: an error may longjmp over it.
class Findings {
 public:
  explicit Findings(FunctionCallInfo fcinfo) : fcinfo_(fcinfo) {}

  // Adds a row.  `object`: 'stream "orders"'.
  void Add(const char* level, const char* object, const char* what, const char* what_to_do);

  // Calls `part`, and adds an error for `object` if it raises; `what_to_do`: if the error has no
  // hint.
  void Run(const char* object, void (*part)(Findings* findings, void* argument), void* argument,
           const char* what_to_do = "Try again, and see the server log.");

  bool empty() const { return count_ == 0; }

 private:
  const FunctionCallInfo fcinfo_;
  int count_ = 0;
};

// Runs a query, whose columns are texts, and calls `take` with each row; null is an empty text.
void ForEachRow(const char* query, void (*take)(char** row, Findings* findings),
                Findings* findings);

}  // namespace fraiseql::pg
