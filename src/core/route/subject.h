// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/change/change.h"
#include "core/base/status.h"

namespace fraiseql {

// ok if `subject` can be published to: tokens separated by dots, none empty, without wildcards,
// blanks and control characters, short enough for the server's control line, and not reserved by
// NATS ("$..." and "_INBOX...").
Status CheckSubject(std::string_view subject);

// ok if a stream can take these subjects: as for CheckSubject(), and * stands for a token, > for
// all that follow.
Status CheckSubjectFilter(std::string_view filter);

// ok if `prefix` can be an inbox prefix: as for CheckSubject(), but it may be _INBOX, and must be
// short because each message contains it.
Status CheckInboxPrefix(std::string_view prefix);

// ok if `domain` can be a JetStream domain ("$JS.<domain>.API"); empty: none.
Status CheckJetStreamDomain(std::string_view domain);

// Whether a stream or a consumer can have this name: servers take no other, and make a file of it.
bool IsAssetName(std::string_view name);

// Appends `value` as one token of a subject: a character that NATS forbids in a token, and '%', is
// percent-encoded; an empty value becomes %00.
void AppendSubjectToken(std::string_view value, std::string* out);

// The values of a template's placeholders.
struct SubjectValues {
  std::string_view schema, table, entity, op, channel, database;
  const Relation* relation = nullptr;  // with `row`, for columns and partitions; not owned
  const RowImage* row = nullptr;
};

// A part of a subject that differs from message to message.
struct SubjectParameter {
  std::string name;         // of letters, digits, '_' and '-'
  std::string description;  // what it stands for
};

// A subject with placeholders, parsed once: {schema} {table} {entity} {op} {channel} {database},
// {column:NAME}, {partition:N} of the key and {partition:N:NAME} of a column.  Immutable.
class SubjectTemplate {
 public:
  // kInvalid, with the reason and what is allowed, if the text is not a template.
  static Status Parse(std::string_view text, SubjectTemplate* parsed);

  // Null, or the column of a placeholder whose value is not known (its token is then %00).
  const std::string* Append(const SubjectValues& values, std::string* out) const;

  // The subjects that the template can produce, as a pattern: a token with a placeholder is "*".
  std::string Pattern() const;

  // The subject with {name} for each part whose value is not the same for all messages: columns,
  // partitions, and the texts that are empty in `values`.  Adds each parameter once.
  std::string Address(const SubjectValues& values, std::vector<SubjectParameter>* parameters) const;

  bool empty() const { return parts_.empty(); }
  const std::string& text() const { return text_; }
  // The columns that its placeholders name.
  std::vector<std::string> columns() const;
  // Whether a placeholder needs a row.
  bool needs_row() const;

 private:
  struct Part {
    std::string text;  // of a literal; with is_column, the name of a column
    bool is_column = false;
    uint32_t partitions = 0;  // > 0: a partition of the column, or, without one, of the key
    std::string_view SubjectValues::*value = nullptr;  // of another placeholder
    bool is_literal() const { return !is_column && partitions == 0 && value == nullptr; }
  };
  static SubjectParameter ParameterOf(const Part& part);
  static Status ParsePlaceholder(std::string_view name, Part* part);
  static Status ParsePartition(std::string_view arguments, Part* part);
  static const std::string* AppendPartition(const Part& part, const SubjectValues& values,
                                            std::string* out);

  std::string text_;
  std::vector<Part> parts_;
};

}  // namespace fraiseql
