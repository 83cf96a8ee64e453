// SPDX-License-Identifier: PostgreSQL
#pragma once

// Include after postgres.h.

#include <cstdint>
#include <map>
#include <set>
#include <string>

#include "core/change/change.h"
#include "core/base/status.h"
#include "pg/base/isolation.h"
#include "pg/decode/relation_cache.h"
#include "pg/decode/row_reader.h"

namespace fraiseql::pg {

// Tests changes against the conditions of observers while the log is decoded.  Main thread only.
// Lives in a memory context (see NewInContext) or as long as the process.
class RouteTest {
 public:
  // `isolation` is not owned.
  explicit RouteTest(Isolation* isolation) : isolation_(isolation) {}

  // Whether a route of the entry takes the change.  What it does not take is counted.  A change
  // whose condition cannot be evaluated is not taken; this is logged once per observer and reason.
  // But if the route is to a bucket, or the evaluation raised an error that would end the process,
  // and was isolated, the change is taken, and failure() says why it must be rejected.  May raise.
  bool Takes(const CachedRelation& entry, size_t route, const Change& change,
             const RowReader& rows);

  // The failure of the last Takes(); ok if there was none, or after Clear().
  const Status& failure() const { return failure_; }
  void Clear() { failure_ = {}; }

  // How many changes were not published because an observer's condition could not be evaluated.
  uint64_t untestable() const { return untestable_; }

 private:
  const char* Evaluate(const RowTest& test, const TestedRows& rows, const Change& change,
                       const Observer& observer, bool* holds);
  void ReportUntestable(const Observer& observer, const char* what, const char* reason,
                        const char* hint);
  bool IsNews(const std::string& observer, const char* reason, bool* last);

  Isolation* const isolation_;
  Status failure_;
  uint64_t untestable_ = 0;
  // What was logged: hashes of the reasons by observer, both limited in number.
  std::map<std::string, std::set<size_t>> reported_;
};

}  // namespace fraiseql::pg
