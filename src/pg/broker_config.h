// SPDX-License-Identifier: PostgreSQL
#pragma once

#include "core/pipeline.h"
#include "core/envelope.h"
#include "nats/broker_settings.h"
#include "nats/stream_management.h"

namespace fraiseql::pg {

// The settings fraiseql_nats.* as the other rings want them.
nats::BrokerSettings CurrentBrokerSettings(const char* database);
nats::StreamSettings CurrentStreamSettings(const Origin& origin = {});
nats::StreamSpec CurrentStreamSpec();
PipelineOptions CurrentPipelineOptions();

}  // namespace fraiseql::pg
