// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <string>
#include <string_view>

#include "core/base/status.h"

namespace fraiseql::nats {

// ok if `name` can be the name of a stream or consumer; the error calls it `kind`.
Status CheckName(std::string_view kind, const std::string& name);

// Whether `subject` can be part of a protocol line: a blank or control character would start
// another word or line.
bool IsWireSubject(std::string_view subject);

// 'stream "orders"', for the beginning of error messages.
std::string StreamNamed(const std::string& stream);
std::string ConsumerNamed(const std::string& stream, const std::string& consumer);

}  // namespace fraiseql::nats
