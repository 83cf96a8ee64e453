// SPDX-License-Identifier: PostgreSQL
#pragma once

#include "core/pipeline/pipeline.h"
#include "core/format/envelope.h"
#include "nats/base/broker_settings.h"

namespace fraiseql::pg {

// The settings fraiseql_nats.* in the structures of nats and core.
nats::BrokerSettings CurrentBrokerSettings(const char* database);
nats::StreamSettings CurrentStreamSettings(const Origin& origin = {});
PipelineOptions CurrentPipelineOptions();

}  // namespace fraiseql::pg
