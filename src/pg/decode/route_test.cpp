// SPDX-License-Identifier: PostgreSQL
#include <functional>
#include <string_view>

extern "C" {
#include "postgres.h"
}

#include "core/format/format.h"
#include "pg/decode/route_test.h"
#include "pg/decode/row_test.h"

namespace fraiseql::pg {

namespace {

// After these limits, failures are only counted: reasons may contain values, so there may be many.
constexpr size_t kMaxObserversReported = 1000;
constexpr size_t kMaxReasonsReported = 5;

// Argument and result of Isolation::Try().
struct Evaluation {
  const RowTest* test;
  const TestedRows* rows;
  const Change* change;
  bool* holds;
  const char* trouble;
};

// Of a bucket: whether the key must be deleted is not known.
Status RejectUntestable(const Observer& observer, const char* reason) {
  return Status::Rejected(
      "filter of observer \"" + observer.name + "\" cannot be tested: " + reason,
      "Set REPLICA IDENTITY FULL on the table; publish the row by a backfill.");
}

}  // namespace

bool RouteTest::Takes(const CachedRelation& entry, size_t route, const Change& change,
                      const RowReader& rows) {
  const Observer& observer = *entry.routes[route].observer;
  bool holds = true;
  if (!failure_.ok()) failure_ = {};
  if (const RowTest* test = entry.tests[route]; test != nullptr) {
    const char* trouble = Evaluate(*test, *entry.tested_rows, change, observer, &holds);
    if (!failure_.ok()) return true;
    if (trouble != nullptr && FormatOf(observer).of_buckets()) {
      failure_ = RejectUntestable(observer, trouble);
      return true;
    }
    if (trouble != nullptr) {
      ReportUntestable(observer, "filter", trouble, "");
      return false;
    }
  }
  if (holds && observer.condition.empty()) return true;
  const Status status = holds ? observer.condition.Evaluate(change, &holds) : Status::Ok();
  if (status.ok()) {
    if (!holds && observer.counts != nullptr) observer.counts->filtered.Add(1);
    return holds;
  }
  // The message is rejected for that value.
  if (rows.FindFailure(*change.relation, observer.condition.columns()) != nullptr) return true;
  if (FormatOf(observer).of_buckets()) {
    failure_ = RejectUntestable(observer, status.message().c_str());
    return true;
  }
  ReportUntestable(observer, "condition", status.message().c_str(), status.hint().c_str());
  return false;
}

// Null, or why it cannot be evaluated.
const char* RouteTest::Evaluate(const RowTest& test, const TestedRows& rows, const Change& change,
                                const Observer& observer, bool* holds) {
  if (!isolation_->on()) return pg::Evaluate(test, rows, change, holds);
  Evaluation evaluation{&test, &rows, &change, holds, nullptr};
  const char* error = isolation_->Try(
      [](void* argument) {
        auto* self = static_cast<Evaluation*>(argument);
        self->trouble = pg::Evaluate(*self->test, *self->rows, *self->change, self->holds);
      },
      &evaluation);
  if (error == nullptr) return evaluation.trouble;
  failure_ = Status::Rejected("filter of observer \"" + observer.name + "\" has failed: " + error,
                              "Change the filter, and retry or discard the message.");
  return nullptr;
}

void RouteTest::ReportUntestable(const Observer& observer, const char* what, const char* reason,
                                 const char* hint) {
  ++untestable_;
  if (observer.counts != nullptr) observer.counts->untestable.Add(1);
  bool last = false;
  if (!IsNews(observer.name, reason, &last)) return;
  ereport(
      LOG,
      (errmsg("%s of observer \"%s\" cannot be tested: %s", what, observer.name.c_str(), reason),
       errdetail("Such changes are not published; \"untestable\" in fraiseql_nats.status() counts "
                 "them.%s",
                 last ? " Further reasons are not logged." : ""),
       hint[0] == '\0' ? 0 : errhint("%s", hint)));
}

// `*last`: no further reasons of this observer are logged.
bool RouteTest::IsNews(const std::string& observer, const char* reason, bool* last) {
  if (reported_.size() >= kMaxObserversReported && reported_.count(observer) == 0) return false;
  std::set<size_t>& reasons = reported_[observer];
  if (reasons.size() >= kMaxReasonsReported) return false;
  const bool news = reasons.insert(std::hash<std::string_view>()(reason)).second;
  *last = reasons.size() == kMaxReasonsReported;
  return news;
}

}  // namespace fraiseql::pg
