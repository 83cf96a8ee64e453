// SPDX-License-Identifier: PostgreSQL
#include "core/base/comma_list.h"

extern "C" {
#include "postgres.h"
}

#include "pg/base/guard.h"
#include "pg/base/server_text.h"
#include "pg/call/process_call.h"
#include "pg/base/worker_key.h"
#include "pg/check/broker_facts.h"

namespace fraiseql::pg {

namespace {

// A stream to ask for; in a memory context.
struct Question {
  StreamAtBroker* stream;
  const OwnSettings* own_settings;
  bool is_default;
};

void TakeFact(TextRowReader* rows, StreamAtBroker* stream) {
  const std::string fact(rows->NextField().value_or(""));
  const std::string value(rows->NextField().value_or(""));
  if (fact == "answers") stream->answers = true;
  if (fact == "fails") stream->fails = true;
  if (fact == "subjects") {
    stream->exists = true;
    stream->subjects = ListItems(value);
  }
  if (fact == "subject_prefix") stream->subject_prefix = value;
  if (fact == "topic_prefix") stream->topic_prefix = value;
  if (fact == "allowed") stream->allowed = ListItems(value);
  if (fact == "denied") stream->denied = ListItems(value);
}

void Ask(Findings* findings, void* argument) {
  const auto* question = static_cast<Question*>(argument);
  const char* is_default = question->is_default ? "t" : "f";
  TextRowReader rows = CallProcess("check", &is_default, 1, question->own_settings);
  for (uint32_t fields = 0; rows.NextRow(&fields);) {
    if (fields == 2) {
      TakeFact(&rows, question->stream);
      continue;
    }
    const char* level = FromUtf8Anyhow(rows.NextField().value_or(""));
    const char* object = FromUtf8Anyhow(rows.NextField().value_or(""));
    const char* what = FromUtf8Anyhow(rows.NextField().value_or(""));
    const char* what_to_do = FromUtf8Anyhow(rows.NextField().value_or(""));
    findings->Add(level, object, what, what_to_do);
  }
}

}  // namespace

void CheckFilesAndBroker(Findings* findings, std::vector<StreamAtBroker>* streams) {
  auto* rows = NewInContext<std::vector<StreamRow>>(CurrentMemoryContext);
  LoadStreamRows(rows);
  const OwnSettings* of_default = nullptr;
  for (const StreamRow& row : *rows) {
    if (row.number == kDefaultStream) of_default = &row.settings;
  }
  streams->resize(rows->size() + 1);
  Question question{streams->data(), of_default, true};
  findings->Run("background workers", Ask, &question);
  if (!streams->front().answers) return;
  size_t next = 1;
  for (const StreamRow& row : *rows) {
    if (row.number == kDefaultStream) continue;
    Question other{&(*streams)[next++], &row.settings, false};
    other.stream->name = row.name;
    findings->Run("background workers", Ask, &other);
  }
}

}  // namespace fraiseql::pg
