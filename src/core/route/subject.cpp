// SPDX-License-Identifier: PostgreSQL
#include "core/route/subject.h"

#include <algorithm>

#include "core/base/ascii.h"
#include "core/base/json_text.h"
#include "core/base/number.h"
#include "core/route/partition.h"

namespace fraiseql {

namespace {

// The server's control line is 4096 bytes by default and also holds the reply subject and the
// sizes; the server closes the connection when a line is longer.
constexpr size_t kMaxSubjectBytes = 2048;
constexpr size_t kMaxInboxPrefixBytes = 200;
constexpr size_t kMaxDomainBytes = 64;
constexpr uint32_t kMaxPartitions = 65536;

constexpr bool IsForbiddenInToken(unsigned char c) {
  return c <= ' ' || c == 0x7F || c == '.' || c == '*' || c == '>';
}

constexpr char kHint[] =
    "A subject is made of tokens separated by dots, such as fraiseql.order.created.";
constexpr char kTemplateHint[] =
    "A subject is made of tokens separated by dots, such as fraiseql.order.created; placeholders "
    "are {schema}, {table}, {entity}, {op}, {channel}, {database}, {column:NAME}, "
    "{partition:N} and {partition:N:NAME}.";

// The placeholders of texts.
constexpr struct {
  std::string_view name;
  std::string_view SubjectValues::*value;
} kTexts[] = {{"schema", &SubjectValues::schema},   {"table", &SubjectValues::table},
              {"entity", &SubjectValues::entity},   {"op", &SubjectValues::op},
              {"channel", &SubjectValues::channel}, {"database", &SubjectValues::database}};

std::string Quoted(std::string_view text) { return '"' + std::string(text) + '"'; }

// Subjects that NATS reserves: the APIs of server and JetStream (a user who may publish could purge
// a stream with the worker's permissions), and replies.
bool IsReserved(std::string_view subject) {
  constexpr std::string_view kInbox = "_INBOX";
  return subject.front() == '$' || subject.substr(0, subject.find('.')) == kInbox;
}

// As CheckSubject(); messages show the subject as `shown`.
Status CheckTokens(std::string_view subject, std::string_view shown) {
  if (subject.empty()) return Status::Invalid("subject is empty", kHint);
  if (subject.size() > kMaxSubjectBytes) {
    return Status::Invalid("subject is longer than " + std::to_string(kMaxSubjectBytes) + " bytes",
                           "Choose a template whose values are short.");
  }
  if (IsReserved(subject)) {
    return Status::Invalid("subject " + Quoted(shown) + " is reserved",
                           "Subjects that begin with \"$\" or \"_INBOX\" belong to NATS itself.");
  }
  bool token_is_empty = true;
  for (const char c : subject) {
    if (c == '.') {
      if (token_is_empty) break;
      token_is_empty = true;
    } else if (IsForbiddenInToken(static_cast<unsigned char>(c))) {
      return Status::Invalid(
          "subject " + Quoted(shown) + " has a wildcard, a blank or a control character", kHint);
    } else {
      token_is_empty = false;
    }
  }
  if (token_is_empty) {
    return Status::Invalid("subject " + Quoted(shown) + " has an empty token", kHint);
  }
  return Status::Ok();
}

// Appends a column's value as a token; false if the value is not known.
bool AppendColumn(const SubjectValues& values, const std::string& name, std::string* out) {
  std::string value;
  bool known = false;
  if (values.relation != nullptr && values.row != nullptr) {
    const auto& columns = values.relation->columns;
    for (size_t i = 0; i < columns.size() && i < values.row->size(); ++i) {
      if (columns[i].name != name || values.row->state(i) != RowImage::State::kPresent) continue;
      AppendJsonValueAsText(values.row->json(i), &value);
      known = true;
    }
  }
  AppendSubjectToken(value, out);
  return known;
}

// Appends a name as a part of a parameter's name, which has no other characters than these.
void AppendParameterName(std::string_view name, std::string* out) {
  for (const char c : name) {
    const char lower = AsciiLower(c);
    if ((lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9') || c == '_') {
      out->push_back(c);
    } else {
      out->push_back('-');
      AppendHex(static_cast<unsigned char>(c), 2, out);
    }
  }
}

}  // namespace

Status CheckSubject(std::string_view subject) { return CheckTokens(subject, subject); }

Status CheckSubjectFilter(std::string_view filter) {
  std::string plain(filter);
  for (size_t i = 0; i < plain.size(); ++i) {
    const bool last = i + 1 == plain.size();
    const bool whole_token = (i == 0 || filter[i - 1] == '.') && (last || filter[i + 1] == '.');
    if (whole_token && (filter[i] == '*' || (filter[i] == '>' && last))) plain[i] = 'x';
  }
  return CheckTokens(plain, filter);
}

Status CheckInboxPrefix(std::string_view prefix) {
  if (prefix.size() > kMaxInboxPrefixBytes) {
    return Status::Invalid(
        "inbox prefix is longer than " + std::to_string(kMaxInboxPrefixBytes) + " bytes",
        "Choose a shorter one.");
  }
  constexpr std::string_view kInbox = "_INBOX";
  if (prefix == kInbox || prefix.substr(0, kInbox.size() + 1) == "_INBOX.") {
    return CheckTokens("x" + std::string(prefix), prefix);
  }
  return CheckTokens(prefix, prefix);
}

Status CheckJetStreamDomain(std::string_view domain) {
  if (domain.size() > kMaxDomainBytes) {
    return Status::Invalid(
        "JetStream domain is longer than " + std::to_string(kMaxDomainBytes) + " bytes",
        "It is the domain in the section jetstream of the server's configuration.");
  }
  bool valid = true;
  for (const char c : domain) {
    const auto byte = static_cast<unsigned char>(c);
    valid = valid && !IsForbiddenInToken(byte) && byte < 0x7F && c != '/' && c != '\\';
  }
  if (valid) return Status::Ok();
  return Status::Invalid(
      "JetStream domain has a dot, a wildcard, a blank or another invalid character",
      "It is the domain in the section jetstream of the server's configuration: letters, digits, "
      "\"_\" and \"-\".");
}

bool IsAssetName(std::string_view name) {
  constexpr size_t kMaxName = 255;
  return !name.empty() && name.size() <= kMaxName &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return static_cast<unsigned char>(c) > ' ' && c != 127 &&
                  std::string_view(".*>/\\").find(c) == std::string_view::npos;
         });
}

void AppendSubjectToken(std::string_view value, std::string* out) {
  if (value.empty()) {
    out->append("%00");
    return;
  }
  for (const char c : value) {
    const auto byte = static_cast<unsigned char>(c);
    if (IsForbiddenInToken(byte) || c == '%') {
      out->push_back('%');
      AppendHex(byte, 2, out);
    } else {
      out->push_back(c);
    }
  }
}

// "8", or "8:region".
Status SubjectTemplate::ParsePartition(std::string_view arguments, Part* part) {
  const size_t colon = arguments.find(':');
  uint32_t count = 0;
  const bool is_number = ReadWholeDecimal(arguments.substr(0, colon), &count);
  if (!is_number || count < 1 || count > kMaxPartitions || colon + 1 == arguments.size()) {
    return Status::Invalid("invalid placeholder {partition:" + std::string(arguments) + "}",
                           "Give the number of partitions, from 1 to 65536, and, to take another "
                           "value than the key, a column: {partition:8} or {partition:8:region}.");
  }
  part->partitions = count;
  if (colon != std::string_view::npos) part->text = arguments.substr(colon + 1);
  return Status::Ok();
}

Status SubjectTemplate::ParsePlaceholder(std::string_view name, Part* part) {
  constexpr std::string_view kColumnPrefix = "column:";
  if (name.substr(0, kColumnPrefix.size()) == kColumnPrefix && name.size() > kColumnPrefix.size()) {
    part->text = name.substr(kColumnPrefix.size());
    part->is_column = true;
    return Status::Ok();
  }
  constexpr std::string_view kPartitionPrefix = "partition:";
  if (name.substr(0, kPartitionPrefix.size()) == kPartitionPrefix) {
    return ParsePartition(name.substr(kPartitionPrefix.size()), part);
  }
  for (const auto& known : kTexts) {
    if (known.name == name) {
      part->value = known.value;
      return Status::Ok();
    }
  }
  return Status::Invalid("unknown placeholder {" + std::string(name) + "} in a subject",
                         kTemplateHint);
}

Status SubjectTemplate::Parse(std::string_view text, SubjectTemplate* parsed) {
  SubjectTemplate result;
  result.text_ = text;
  std::string sample;  // the template with an "x" for each placeholder, to check its tokens
  for (size_t i = 0; i < text.size();) {
    const size_t brace = text.find_first_of("{}", i);
    if (brace > i) {
      const std::string literal(text.substr(i, brace - i));
      sample += literal;
      result.parts_.push_back({literal});
    }
    if (brace == std::string_view::npos) break;
    const size_t close = text[brace] == '{' ? text.find('}', brace) : std::string_view::npos;
    if (close == std::string_view::npos) {
      return Status::Invalid("subject " + Quoted(text) + " has an unmatched brace", kTemplateHint);
    }
    Part part{};
    const Status status = ParsePlaceholder(text.substr(brace + 1, close - brace - 1), &part);
    if (!status.ok()) return status;
    result.parts_.push_back(std::move(part));
    sample += 'x';
    i = close + 1;
  }
  const Status status = CheckTokens(sample, text);
  if (!status.ok()) {
    return Status::Invalid(status.message(),
                           status.hint() == kHint ? kTemplateHint : status.hint());
  }
  *parsed = std::move(result);
  return Status::Ok();
}

// Of the tokens that the columns' values are, one after the other, as nats-server would see them.
const std::string* SubjectTemplate::AppendPartition(const Part& part, const SubjectValues& values,
                                                    std::string* out) {
  static const std::string kKey = "(key)";
  const std::string* unknown = nullptr;
  std::string key;
  if (!part.text.empty()) {
    if (!AppendColumn(values, part.text, &key)) unknown = &part.text;
  } else if (values.relation == nullptr || values.relation->key.empty()) {
    unknown = &kKey;
  } else {
    for (const int column : values.relation->key) {
      const std::string& name = values.relation->columns[static_cast<size_t>(column)].name;
      if (!AppendColumn(values, name, &key)) unknown = &name;
    }
  }
  out->append(std::to_string(PartitionOf(key, part.partitions)));
  return unknown;
}

const std::string* SubjectTemplate::Append(const SubjectValues& values, std::string* out) const {
  const std::string* unknown = nullptr;
  for (const Part& part : parts_) {
    if (part.value != nullptr) {
      AppendSubjectToken(values.*part.value, out);
    } else if (part.partitions > 0) {
      if (const std::string* name = AppendPartition(part, values, out)) unknown = name;
    } else if (!part.is_column) {
      out->append(part.text);
    } else if (!AppendColumn(values, part.text, out)) {
      unknown = &part.text;
    }
  }
  return unknown;
}

std::string SubjectTemplate::Pattern() const {
  std::string pattern;
  std::string token;
  bool is_literal = true;
  const auto end_token = [&] {
    pattern.append(is_literal ? token : "*");
    token.clear();
    is_literal = true;
  };
  for (const Part& part : parts_) {
    if (!part.is_literal()) {
      is_literal = false;
      continue;
    }
    for (const char c : part.text) {
      if (c != '.') {
        token.push_back(c);
        continue;
      }
      end_token();
      pattern.push_back('.');
    }
  }
  end_token();
  return pattern;
}

SubjectParameter SubjectTemplate::ParameterOf(const Part& part) {
  SubjectParameter parameter;
  if (part.is_column) {
    parameter.name = "column_";
    AppendParameterName(part.text, &parameter.name);
    parameter.description = "the value of column " + Quoted(part.text) + " as a token";
  } else if (part.partitions > 0) {
    const std::string of = part.text.empty() ? "the key" : "column " + Quoted(part.text);
    parameter.name = "partition_" + std::to_string(part.partitions);
    if (!part.text.empty()) parameter.name.push_back('_');
    AppendParameterName(part.text, &parameter.name);
    parameter.description =
        "a number from 0 to " + std::to_string(part.partitions - 1) + ", by " + of;
  } else {
    for (const auto& known : kTexts) {
      if (known.value == part.value) parameter.name = known.name;
    }
    parameter.description =
        parameter.name == "op" ? "the operation" : "the " + parameter.name + " of the row";
  }
  return parameter;
}

std::string SubjectTemplate::Address(const SubjectValues& values,
                                     std::vector<SubjectParameter>* parameters) const {
  std::string address;
  for (const Part& part : parts_) {
    if (part.is_literal()) {
      address.append(part.text);
    } else if (part.value != nullptr && !(values.*part.value).empty()) {
      AppendSubjectToken(values.*part.value, &address);
    } else {
      SubjectParameter parameter = ParameterOf(part);
      address.append("{").append(parameter.name).append("}");
      const bool is_known =
          std::any_of(parameters->begin(), parameters->end(),
                      [&](const SubjectParameter& other) { return other.name == parameter.name; });
      if (!is_known) parameters->push_back(std::move(parameter));
    }
  }
  return address;
}

std::vector<std::string> SubjectTemplate::columns() const {
  std::vector<std::string> names;
  for (const Part& part : parts_) {
    if (!part.is_literal() && part.value == nullptr && !part.text.empty()) {
      names.push_back(part.text);
    }
  }
  return names;
}

bool SubjectTemplate::needs_row() const {
  return std::any_of(parts_.begin(), parts_.end(),
                     [](const Part& part) { return !part.is_literal() && part.value == nullptr; });
}

}  // namespace fraiseql
