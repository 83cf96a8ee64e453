// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/base/status.h"
#include "core/change/change.h"

namespace fraiseql {

// A bucket of NATS's key-value store (ADR-8): the stream KV_<bucket>, whose messages on the subject
// $KV.<bucket>.<key> are the values of the key.  Here a bucket holds the rows of one table.

// Letters, digits, '_' and '-'.
bool IsBucketName(std::string_view name);

// The bucket that a stream of this name is; empty: it is none.
std::string_view BucketOfStream(std::string_view stream);

// Whether these are the subjects of a bucket, "$KV.<bucket>.>", and no others.
bool IsBucket(const std::vector<std::string>& subjects);

// The key of the message that stands for TRUNCATE.  No row has it.
constexpr std::string_view kTruncateKey = "=TRUNCATE";

// The subject of that message in the bucket that a stream of this name is; empty: it is none.
std::string TruncateSubject(std::string_view stream);

// Appends "$KV.<bucket>.<key>"; with ">" as the key, the subjects that the bucket's stream takes.
void AppendBucketSubject(std::string_view bucket, std::string_view key, std::string* out);

// Appends `value` as one token of a key: a character that keys do not allow, a dot and '=' become
// "=" and two hexadecimal digits; an empty value becomes "=00".
void AppendKeyToken(std::string_view value, std::string* out);

// Appends the subject of a row: its key consists of the values of Relation::key, one token each.
// Null, or the name of a column whose value is not known; "(key)": the table has no key.
const std::string* AppendKeySubject(std::string_view bucket, const Relation& relation,
                                    const RowImage& row, std::string* out);

// ok if a message of ours may have this subject: as CheckSubject(), and that of a key in a bucket.
Status CheckMessageSubject(std::string_view subject);

}  // namespace fraiseql
