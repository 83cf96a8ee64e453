// SPDX-License-Identifier: PostgreSQL
#pragma once

#include "core/base/status.h"
#include "nats/base/broker_settings.h"

struct __natsOptions;  // natsOptions of nats.c

namespace fraiseql::nats {

// Creates the options of nats.c for the server, the credentials and TLS from the settings and the
// files that they name.  The caller frees `*options` with natsOptions_Destroy().  kInvalid names
// the setting at fault; nothing is created then.  REQUIRES: the URL is of one server.
Status MakeConnectOptions(const BrokerSettings& settings, __natsOptions** options);

// Whether the settings require TLS (the server may also require it).
bool WantsTls(const BrokerSettings& settings);

}  // namespace fraiseql::nats
