// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace fraiseql {

constexpr size_t kMaxForeignText = 500;  // bytes

// Text from outside (a server's messages and names, anything that its clients may have sent), made
// safe to log, store and show: printable ASCII unchanged, every other byte as \x1B, at most `limit`
// bytes, of which the last are "..." if the text is cut.
std::string ForeignText(std::string_view text, size_t limit = kMaxForeignText);

// Whether a name or subject may be kept unchanged: no control characters, and not longer than
// `limit`.  Bytes from 0x80 on may be letters.
bool IsPlainText(std::string_view text, size_t limit);

}  // namespace fraiseql
