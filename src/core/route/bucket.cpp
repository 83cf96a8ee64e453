// SPDX-License-Identifier: PostgreSQL
#include "core/route/bucket.h"

#include <algorithm>

#include "core/base/json_text.h"
#include "core/base/number.h"
#include "core/route/subject.h"

namespace fraiseql {

namespace {

constexpr std::string_view kStreamPrefix = "KV_";
constexpr std::string_view kSubjectPrefix = "$KV.";

constexpr bool IsNameCharacter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '-';
}

// The part after the prefix; empty if the text does not begin with it.
std::string_view After(std::string_view prefix, std::string_view text) {
  return text.substr(0, prefix.size()) == prefix ? text.substr(prefix.size()) : std::string_view();
}

}  // namespace

bool IsBucketName(std::string_view name) {
  constexpr size_t kMaxName = 255 - kStreamPrefix.size();
  return !name.empty() && name.size() <= kMaxName &&
         std::all_of(name.begin(), name.end(), IsNameCharacter);
}

std::string_view BucketOfStream(std::string_view stream) {
  const std::string_view bucket = After(kStreamPrefix, stream);
  return IsBucketName(bucket) ? bucket : std::string_view();
}

bool IsBucket(const std::vector<std::string>& subjects) {
  if (subjects.size() != 1) return false;
  const std::string_view rest = After(kSubjectPrefix, subjects.front());
  return rest.size() > 2 && rest.substr(rest.size() - 2) == ".>" &&
         IsBucketName(rest.substr(0, rest.size() - 2));
}

std::string TruncateSubject(std::string_view stream) {
  std::string subject;
  const std::string_view bucket = BucketOfStream(stream);
  if (!bucket.empty()) AppendBucketSubject(bucket, kTruncateKey, &subject);
  return subject;
}

void AppendBucketSubject(std::string_view bucket, std::string_view key, std::string* out) {
  out->append(kSubjectPrefix).append(bucket).append(".").append(key);
}

void AppendKeyToken(std::string_view value, std::string* out) {
  if (value.empty()) out->append("=00");
  for (const char c : value) {
    if (IsNameCharacter(c) || c == '/') {
      out->push_back(c);
    } else {
      out->push_back('=');
      AppendHex(static_cast<unsigned char>(c), 2, out);
    }
  }
}

const std::string* AppendKeySubject(std::string_view bucket, const Relation& relation,
                                    const RowImage& row, std::string* out) {
  static const std::string kKey = "(key)";
  const std::string* unknown = relation.key.empty() ? &kKey : nullptr;
  out->append(kSubjectPrefix).append(bucket);
  std::string value;
  for (const int column : relation.key) {
    const auto i = static_cast<size_t>(column);
    value.clear();
    if (i < row.size() && row.state(i) == RowImage::State::kPresent) {
      AppendJsonValueAsText(row.json(i), &value);
    } else {
      unknown = &relation.columns[i].name;
    }
    out->push_back('.');
    AppendKeyToken(value, out);
  }
  return unknown;
}

Status CheckMessageSubject(std::string_view subject) {
  const std::string_view rest = After(kSubjectPrefix, subject);
  const size_t dot = rest.find('.');
  if (dot == std::string_view::npos || !IsBucketName(rest.substr(0, dot))) {
    return CheckSubject(subject);
  }
  Status status = CheckSubject(subject.substr(1));
  if (status.ok()) return status;
  return {status.code(), status.message(),
          "A key of a bucket is made of the values of the table's key: choose a shorter one."};
}

}  // namespace fraiseql
