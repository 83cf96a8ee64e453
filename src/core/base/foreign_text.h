// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace fraiseql {

constexpr size_t kMaxForeignText = 500;  // bytes

// Text of strangers (a server's words, the names it tells, what any of its clients may have sent),
// fit to be logged, stored and shown: printable ASCII as it is, every other byte as \x1B, and no
// more than `limit` bytes, of which the last are "..." if it is cut.
std::string ForeignText(std::string_view text, size_t limit = kMaxForeignText);

// Whether a name or subject may be kept as it is: no control characters, and not longer than
// `limit`.  Bytes from 0x80 on may be letters.
bool IsPlainText(std::string_view text, size_t limit);

}  // namespace fraiseql
