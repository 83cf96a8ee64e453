// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <cstdint>
#include <string_view>

namespace fraiseql {

// The checksum of files that the worker keeps (CRC-32C, as Postgres and iSCSI have it).
uint32_t Crc32c(std::string_view data);

}  // namespace fraiseql
