// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "config/config_keys.h"
#include "core/base/status.h"

namespace fraiseql {

// Values of keys as Postgres accepts them.  Messages call the key or the variable `name`.

// "30d".  kInvalid: out of the range of `key`.
Status IntegerText(const KnownKey& key, const std::string& name, int64_t value, std::string* text);

// "on" or "off".
std::string BooleanText(bool value);

// The value of an environment variable.  kInvalid: it does not have the type of `key`.
Status VariableText(const KnownKey& key, const std::string& value, std::string* text);

}  // namespace fraiseql
