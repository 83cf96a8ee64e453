// SPDX-License-Identifier: PostgreSQL
#pragma once

// Values of any type as JSON, by the rules of to_jsonb(): numbers exact, NaN and infinity as
// strings, json verbatim, arrays as arrays, composites as objects, times in ISO 8601 (timestamptz
// in UTC), bytea as \x...; session settings have no effect on the types listed in Kind, and
// PinSettings() removes their effect on the rest.  Include after postgres.h.

#include <string>
#include <vector>

extern "C" {
#include "access/tupdesc.h"
#include "fmgr.h"
}

namespace fraiseql::pg {

// Describes how to encode the values of one type.  Plain data in a memory context.
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
  TupleDesc desc;              // of a composite
  const TypeEncoder** fields;  // of a composite, one for each attribute of `desc`; null: dropped
};

// Makes the encoder of a type, in the current memory context.  Adds the relations of its composite
// types to `*row_types`: the encoder is out of date when one of them changes.  Reads the catalogs
// without locking a relation, so only within a decoding callback, or with a lock on the table of a
// column of the type; may raise.
const TypeEncoder* MakeEncoder(Oid type, std::vector<Oid>* row_types);

// Appends the JSON text of a value that is neither null nor a TOAST pointer to disk.  Memory that
// it allocates from Postgres stays in the current memory context; may raise.
void AppendDatum(const TypeEncoder& encoder, Datum value, std::string* out);

}  // namespace fraiseql::pg
