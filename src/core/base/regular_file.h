// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <cstddef>
#include <string>

namespace fraiseql {

enum class FileError { kNone, kMissing, kUnreadable, kTooLarge };

// Reads a whole file of at most `max_bytes`; follows links and never waits: only a regular file is
// read, no directory, FIFO, socket or device.  On failure `*reason` is the reason, without the
// path.  Any thread.
FileError ReadRegularFile(const std::string& path, size_t max_bytes, std::string* content,
                          std::string* reason);

}  // namespace fraiseql
