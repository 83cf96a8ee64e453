// SPDX-License-Identifier: PostgreSQL
#pragma once

#include "core/base/status.h"
#include "nats/base/broker_settings.h"

struct __natsOptions;  // natsOptions of nats.c

namespace fraiseql::nats {

// What nats.c has to know of the server, of us, and of TLS: makes `*options`, to be freed by
// natsOptions_Destroy(), from the settings and the files they name.  kInvalid with the setting to
// blame; nothing is made then.  REQUIRES: the URL is of one server.
Status MakeConnectOptions(const BrokerSettings& settings, __natsOptions** options);

// Whether the connection has to use TLS (it may also be the server that demands it).
bool WantsTls(const BrokerSettings& settings);

}  // namespace fraiseql::nats
