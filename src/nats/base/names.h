// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <string>
#include <string_view>

#include "core/base/status.h"

namespace fraiseql::nats {

// ok if `name` can be that of a stream or consumer; `kind` says which in the error.
Status CheckName(std::string_view kind, const std::string& name);

// Whether `subject` can stand on a line of the protocol: it has no blank or control character,
// which would begin another word or line.
bool IsWireSubject(std::string_view subject);

// 'stream "orders"', as errors begin.
std::string StreamNamed(const std::string& stream);
std::string ConsumerNamed(const std::string& stream, const std::string& consumer);

}  // namespace fraiseql::nats
