// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <string>
#include <string_view>

#include "core/change/change.h"
#include "core/change/message.h"
#include "core/route/router.h"

namespace fraiseql {

// What a payload is made of: a change, for one of its routes.
struct RowEvent {
  const Route& route;
  const Change& change;
  const Message& message;        // its subject and headers are there
  std::string_view commit_time;  // in ISO 8601
};

// What the payload of a row change looks like.  In the wire contract of each format:
//
//   ROW  the row after the change; of a DELETE the old row, or as much of it as was logged; null
//        for TRUNCATE.  Columns not logged are left out.
//   ID   the column "id", else the key (several columns joined by ':'), as a string; null when it
//        is null or was not logged
struct Format {
  // Of observers that name no format.
  enum class DefaultOf { kNone, kSubjects, kTopics };

  std::string_view name;  // as observe() and FraiseQL's files give it
  void (*append_payload)(const RowEvent& event, std::string* out);
  std::string_view headers;  // the lines that all its messages have alike
  DefaultOf default_of;
};

// Null if there is no format of this name.
const Format* FindFormat(std::string_view name);

// The one that the observer names, or that which is the default.
const Format& FormatOf(const Observer& observer);

// For a hint: "a", "b" and "c".
std::string FormatNames();

}  // namespace fraiseql
