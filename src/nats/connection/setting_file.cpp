// SPDX-License-Identifier: PostgreSQL
#include "nats/connection/setting_file.h"

#include "core/base/regular_file.h"

namespace fraiseql::nats {

namespace {

constexpr size_t kMaxBytes = 256 * 1024;  // chains of certificates are the largest of these files

}  // namespace

Status ReadSettingFile(std::string_view setting, const std::string& path, std::string* content) {
  std::string reason;
  if (ReadRegularFile(path, kMaxBytes, content, &reason) == FileError::kNone) {
    content->erase(content->find_last_not_of(" \t\r\n") + 1);
    if (content->empty()) reason = "it is empty";
  }
  if (reason.empty()) return Status::Ok();
  return Status::Invalid(
      std::string(setting) + ": cannot read file \"" + path + "\": " + reason,
      "The file must exist on the database server and be readable by the user Postgres runs as.");
}

}  // namespace fraiseql::nats
