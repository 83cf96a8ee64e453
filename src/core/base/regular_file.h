// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <cstddef>
#include <string>

namespace fraiseql {

enum class FileError { kNone, kMissing, kUnreadable, kTooLarge };

// Reads a whole file of at most `max_bytes`, through links, without ever waiting for somebody: what
// is no regular file (a directory, a FIFO, a socket, a device) is not read.  Else `*reason` says in
// words why not, without the path.  Any thread.
FileError ReadRegularFile(const std::string& path, size_t max_bytes, std::string* content,
                          std::string* reason);

}  // namespace fraiseql
