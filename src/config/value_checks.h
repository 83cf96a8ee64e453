// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <string_view>

#include "core/base/server_url.h"
#include "core/base/status.h"

namespace fraiseql {

// Checks of strings, before they become settings or observers.  kInvalid with a complete message.

Status CheckBackend(std::string_view backend);
Status CheckTransport(std::string_view transport);
Status CheckStreamName(std::string_view name);
Status CheckConsumerName(std::string_view name);

Status CheckRuleName(std::string_view name);
Status CheckTable(std::string_view table);
Status CheckEntity(std::string_view entity);
Status CheckEvent(std::string_view event);
Status CheckRuleSubject(std::string_view subject);
Status CheckCondition(std::string_view condition);
Status CheckWhen(std::string_view when);
Status CheckColumn(std::string_view column);
Status CheckFormat(std::string_view format);
Status CheckSource(std::string_view source);

// Of a stream, as in fraiseql_nats.create_stream().
Status CheckStreamSubject(std::string_view subject);
Status CheckInterval(std::string_view interval);  // only Postgres can check it as a whole
Status CheckStorage(std::string_view storage);
Status CheckDiscard(std::string_view discard);
Status CheckRetention(std::string_view retention);
Status CheckCompression(std::string_view compression);
Status CheckIdHeader(std::string_view header);
Status CheckExclusive(std::string_view exclusive);
Status CheckManage(std::string_view manage);
Status CheckBucket(std::string_view bucket);

}  // namespace fraiseql
