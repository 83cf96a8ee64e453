// SPDX-License-Identifier: PostgreSQL
#include "nats/base/names.h"

#include <algorithm>

#include "core/base/ascii.h"
#include "core/base/foreign_text.h"
#include "core/route/subject.h"

namespace fraiseql::nats {

namespace {
constexpr size_t kMaxSubject = 4096;
}  // namespace

Status CheckName(std::string_view kind, const std::string& name) {
  const bool ascii = std::all_of(name.begin(), name.end(), IsAscii);
  if (ascii && IsAssetName(name)) return Status::Ok();
  return Status::Invalid(std::string(kind) + " name \"" + ForeignText(name) + "\" is invalid",
                         "Use letters, digits, \"_\" and \"-\".");
}

bool IsWireSubject(std::string_view subject) {
  return !subject.empty() && IsPlainText(subject, kMaxSubject) &&
         subject.find(' ') == std::string_view::npos;
}

std::string StreamNamed(const std::string& stream) { return "stream \"" + stream + "\""; }

std::string ConsumerNamed(const std::string& stream, const std::string& consumer) {
  return "consumer \"" + consumer + "\" of stream \"" + stream + "\"";
}

}  // namespace fraiseql::nats
