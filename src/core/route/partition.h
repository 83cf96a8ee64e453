// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <cstdint>
#include <string_view>

namespace fraiseql {

// The partition of a key among `count`, from 0: FNV-1a of 32 bits, modulo the count.  The same as
// {{partition(count,...)}} in a subject mapping of nats-server, of the tokens one after the other
// (subject_transform.go).  REQUIRES: count > 0.
uint32_t PartitionOf(std::string_view key, uint32_t count);

}  // namespace fraiseql
