// SPDX-License-Identifier: PostgreSQL
#include "core/format/format.h"

#include <iterator>

#include "core/format/format_fraiseql.h"
#include "core/format/format_kv.h"
#include "core/format/format_row.h"
#include "core/format/format_topic.h"
#include "core/route/bucket.h"

namespace fraiseql {

namespace {

using DefaultOf = Format::DefaultOf;

constexpr std::string_view kJson = "Content-Type: application/json\r\n";

// All formats: a new one is a pair of files and a line here.
constexpr Format kFormats[] = {
    {"fraiseql", AppendFraiseqlPayload, AppendFraiseqlSchema, kJson, DefaultOf::kSubjects},
    {"topic", AppendTopicPayload, AppendTopicSchema, kJson, DefaultOf::kTopics},
    {"row", AppendRowPayload, AppendRowSchema, kJson, DefaultOf::kNone},
    {"kv",
     AppendKvPayload,
     AppendKvSchema,
     {},
     DefaultOf::kBuckets,
     AppendKvSubject,
     AppendKvHeaders,
     CheckKv},
};

}  // namespace

const Format* FindFormat(std::string_view name) {
  for (const Format& format : kFormats) {
    if (format.name == name) return &format;
  }
  return nullptr;
}

const Format& FormatOf(const Observer& observer) {
  if (observer.format != nullptr) return *observer.format;
  DefaultOf use = observer.topic.empty() ? DefaultOf::kSubjects : DefaultOf::kTopics;
  if (!BucketOfStream(observer.stream).empty()) use = DefaultOf::kBuckets;
  const Format* format = kFormats;
  while (format->default_of != use) ++format;
  return *format;
}

std::string FormatNames() {
  std::string names;
  for (const Format& format : kFormats) {
    if (&format != std::begin(kFormats)) {
      names.append(&format + 1 == std::end(kFormats) ? " and " : ", ");
    }
    names.append("\"").append(format.name).append("\"");
  }
  return names;
}

}  // namespace fraiseql
