// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <string>
#include <string_view>

namespace fraiseql {

// A topic is a short name without a dot, such as order_created, on which a channel, an observer and
// a service agree.  Its type is the name with the first '_' as a dot (order.created,
// order.status_changed), its subject the type below the topic prefix (fraiseql.order.created).

// Whether a subject (or template) or a channel is a topic.
bool IsTopic(std::string_view name);

// Appends the type of a topic, each of its two parts as tokens of a subject.
void AppendTopicType(std::string_view topic, std::string* out);

// Appends the subject of a topic.
void AppendTopicSubject(std::string_view prefix, std::string_view topic, std::string* out);

}  // namespace fraiseql
