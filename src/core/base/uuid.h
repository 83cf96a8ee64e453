// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <string>
#include <string_view>

namespace fraiseql {

// Appends the UUID of version 5 (RFC 9562) of a name in the namespace of object identifiers
// (6ba7b812-9dad-11d1-80b4-00c04fd430c8), as 36 characters: the same as
// uuid.uuid5(uuid.NAMESPACE_OID, name) in Python.
void AppendUuid5(std::string_view name, std::string* out);

}  // namespace fraiseql
