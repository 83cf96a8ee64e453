// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/base/status.h"
#include "core/change/change.h"
#include "core/change/message.h"
#include "core/route/router.h"

namespace fraiseql {

// The input of a payload: a change, for one of its routes.
struct RowEvent {
  const Route& route;
  const Change& change;
  const Message& message;        // with its subject and headers
  std::string_view commit_time;  // in ISO 8601
};

// The column of a table, for the JSON Schema (draft 7) of a payload.
struct ColumnSchema {
  std::string value;                  // the schema of its values
  bool is_always_logged_new = false;  // no UPDATE leaves it out of the new row
};

// The input of the schema of a payload: all changes of one operation, for one route.
struct SchemaInput {
  const Route& route;
  const Relation& relation;
  Operation operation;
  const std::vector<ColumnSchema>& columns;  // those of `relation`
};

// A format of the payload of a row change.  Terms of the formats' wire contracts:
//
//   ROW  the row after the change; of a DELETE the old row, or as much of it as was logged; null
//        for TRUNCATE.  Columns not logged are left out.
//   ID   the column "id", else the key (several columns joined by ':'), as a string; null when it
//        is null or was not logged
struct Format {
  // The observers for which it is the default.
  enum class DefaultOf { kNone, kSubjects, kTopics, kBuckets };

  std::string_view name;  // the name in observe() and FraiseQL's files
  void (*append_payload)(const RowEvent& event, std::string* out);
  // Appends the schema of what append_payload() appends; nothing if that is nothing.
  void (*append_schema)(const SchemaInput& input, std::string* out);
  std::string_view headers;  // the header lines that all its messages share
  DefaultOf default_of;

  // Of a format that publishes the state of rows, to the stream of a bucket; else null.
  //
  // Appends the subject, which no observer determines.  Null, or a column whose value is not known.
  const std::string* (*append_subject)(const Route& route, const Change& change,
                                       std::string* out) = nullptr;
  // Appends the header lines that depend on the change.
  void (*append_headers)(const Change& change, std::string* out) = nullptr;
  // kRejected if the change cannot be published in this format.
  Status (*check)(const Route& route, const Change& change) = nullptr;

  bool of_buckets() const { return append_subject != nullptr; }
};

// Null if no format has this name.
const Format* FindFormat(std::string_view name);

// The format that the observer names, else the default one.
const Format& FormatOf(const Observer& observer);

// For a hint: "a", "b" and "c".
std::string FormatNames();

}  // namespace fraiseql
