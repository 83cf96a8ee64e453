// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <string>
#include <string_view>

#include "core/base/status.h"

namespace fraiseql::nats {

// The public key ("U...") of a user's NKey seed ("SU..."), which the server has to be told and
// which the seed file need not contain.  `seed_file` is the file's content: the seed stands on a
// line of its own, other lines may be around it.
Status PublicNkey(std::string_view seed_file, std::string* public_key);

// What proves to the server that we have the seed: its nonce, signed, as base64 for URLs.
Status SignWithNkey(std::string_view seed_file, std::string_view nonce, std::string* signature);

}  // namespace fraiseql::nats
