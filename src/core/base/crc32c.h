// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <cstdint>
#include <string_view>

namespace fraiseql {

// The checksum of the worker's files (CRC-32C, the polynomial that Postgres and iSCSI use).
uint32_t Crc32c(std::string_view data);

}  // namespace fraiseql
