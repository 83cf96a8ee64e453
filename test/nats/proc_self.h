// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <dirent.h>

#include <string>
#include <vector>

namespace fraiseql::nats::test {

// Names in a directory such as /proc/self/fd or /proc/self/task.
inline std::vector<std::string> Entries(const std::string& directory) {
  std::vector<std::string> names;
  DIR* dir = opendir(directory.c_str());
  while (const dirent* entry = readdir(dir)) {
    if (entry->d_name[0] != '.') names.emplace_back(entry->d_name);
  }
  closedir(dir);
  return names;
}

}  // namespace fraiseql::nats::test
