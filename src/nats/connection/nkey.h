// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <string>
#include <string_view>

#include "core/base/status.h"

namespace fraiseql::nats {

// The public key ("U...") of a user's NKey seed ("SU..."), which the server requires and the seed
// file need not contain.  `seed_file` is the content of the file: the seed is on a line of its own,
// among other lines.
Status PublicNkey(std::string_view seed_file, std::string* public_key);

// The signature of the server's nonce, as base64url without padding.
Status SignWithNkey(std::string_view seed_file, std::string_view nonce, std::string* signature);

}  // namespace fraiseql::nats
