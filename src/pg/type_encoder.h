// SPDX-License-Identifier: PostgreSQL
#pragma once

// Values of any type as JSON, by the rule of to_jsonb(): numbers exact, NaN and infinity as
// strings, json verbatim, arrays as arrays, composites as objects, times in ISO 8601 (timestamptz
// in UTC), bytea as \x...; session settings have no influence on the types listed in Kind, and
// PinSettings() takes it from the rest.  Include after postgres.h.

#include <string>

extern "C" {
#include "fmgr.h"
}

namespace fraiseql::pg {

// How the values of one type are written.  Plain data, made once per type in a long-lived context.
struct TypeEncoder {
  enum class Kind : uint8_t {
    kBool,
    kInt2,
    kInt4,
    kInt8,
    kFloat4,
    kFloat8,
    kNumeric,
    kText,  // text, varchar, char(n): the bytes themselves
    kUuid,
    kBytea,
    kJson,
    kJsonb,
    kDate,
    kTimestamp,
    kTimestamptz,
    kArray,
    kComposite,
    kCastToJson,  // a base type that has a cast to json in C, such as hstore
    kOutput,      // everything else: the text of its output function, as a string
  };
  Kind kind;
  bool by_value;
  char align;
  int16 length;
  Oid type;
  FmgrInfo function;           // output function, or the cast
  const TypeEncoder* element;  // of an array
};

// Makes (or finds, for a type seen before) the encoder of a type.  Reads the catalogs: only within
// a transaction or a decoding callback.  Lives in `context`, with all it refers to; may raise.
const TypeEncoder* EncoderOfType(Oid type, MemoryContext context);

// Appends the JSON text of a value that is neither null nor a TOAST pointer to disk.  What it
// allocates from Postgres is left in the current memory context; may raise.
void AppendDatum(const TypeEncoder& encoder, Datum value, std::string* out);

// Makes the values that this process writes, and the expressions that it reads, independent of what
// database, role or session have set, for the time of a GUC nest level if `nest_level` is true,
// else for good.
void PinSettings(bool nest_level);

}  // namespace fraiseql::pg
