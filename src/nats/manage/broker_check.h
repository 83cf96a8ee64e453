// SPDX-License-Identifier: PostgreSQL
#pragma once

#include "core/base/status.h"
#include "nats/base/broker_settings.h"
#include "nats/manage/broker_findings.h"

namespace fraiseql::nats {

class JetStreamClient;

// Finds what is wrong with the stream and its consumers; for the default stream, also with the
// account and the clock.  Changes nothing.  Not ok: the broker cannot be used at all.
Status CheckBroker(JetStreamClient* js, const StreamSettings& wanted, bool is_default,
                   BrokerCheck* check);

}  // namespace fraiseql::nats
