// SPDX-License-Identifier: PostgreSQL
// Templates of subjects, with what rows put into them: the input is the template, a NUL and a
// value.
#include "core/route/subject.h"

#include <string>

#include "../unit/rows.h"
#include "core/route/topic.h"
#include "fuzz.h"
#include "nats/connection/refused_subjects.h"
#include "core/route/subject_set.h"

namespace {
constexpr size_t kLongest = 2048;  // of a subject
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace fraiseql;
  std::string_view value = TextOf(data, size);
  const std::string_view text = value.substr(0, value.find('\0'));
  value.remove_prefix(std::min(value.size(), text.size() + 1));
  std::string token = "a.";
  AppendSubjectToken(value, &token);
  MUST(token.size() > kLongest || CheckSubject(token).ok());
  MUST(token.find('.', 2) == std::string::npos);
  std::string topic;
  AppendTopicSubject("fraiseql", value, &topic);
  MUST(topic.size() > kLongest || CheckSubject(topic).ok());
  (void)IsTopic(text);
  (void)fraiseql::Covers(std::string(text), std::string(value));
  nats::RefusedSubjects refused;
  MUST(IsClean(refused.Learn(text, 1).message()));
  SubjectTemplate parsed;
  if (!SubjectTemplate::Parse(text, &parsed).ok()) return 0;
  static const Relation kRelation = MakeRelation("public", "t", {"a", "b"}, {0});
  RowImage row;
  std::string json;
  AppendJsonString(value, &json);
  FillRow({json, "12.5"}, &row);
  SubjectValues values{value, value, value, value, value, value, &kRelation, &row};
  std::string subject;
  parsed.Append(values, &subject);
  // What is valid with plain values is with any other, unless it gets too long.
  SubjectValues plain{"a", "a", "a", "a", "a", "a", &kRelation, &row};
  std::string plainly;
  parsed.Append(plain, &plainly);
  const bool reserved = !subject.empty() && (subject[0] == '$' || subject[0] == '_');
  MUST(subject.size() > kLongest || reserved ||
       CheckSubject(subject).ok() == CheckSubject(plainly).ok());
  return 0;
}
