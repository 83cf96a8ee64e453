// SPDX-License-Identifier: PostgreSQL
extern "C" {
#include "postgres.h"

#include "access/htup_details.h"
#include "access/tupmacs.h"
#include "catalog/pg_class.h"
#include "utils/memutils.h"
#include "utils/rel.h"
}

#include "pg/decode/logged_tuple.h"

namespace fraiseql::pg {

namespace {

// Returns an aligned copy of the bytes as a tuple with a header.
HeapTuple Copy(Oid relation, std::string_view bytes) {
  auto* tuple = static_cast<HeapTuple>(palloc0(HEAPTUPLESIZE + bytes.size()));
  tuple->t_len = static_cast<uint32>(bytes.size());
  tuple->t_tableOid = relation;
  ItemPointerSetInvalid(&tuple->t_self);
  tuple->t_data = reinterpret_cast<HeapTupleHeader>(reinterpret_cast<char*>(tuple) + HEAPTUPLESIZE);
  memcpy(tuple->t_data, bytes.data(), bytes.size());
  return tuple;
}

// Whether the header has room for the null bitmap, and the data begins within the tuple.
bool IsHeaderSound(const HeapTupleData& tuple, TupleDesc desc) {
  const HeapTupleHeader header = tuple.t_data;
  const int natts = HeapTupleHeaderGetNatts(header);
  size_t begin = SizeofHeapTupleHeader;
  if ((header->t_infomask & HEAP_HASNULL) != 0) begin += static_cast<size_t>(BITMAPLEN(natts));
  return natts <= desc->natts && header->t_hoff == MAXALIGN(begin) &&
         header->t_hoff <= tuple.t_len && (header->t_infomask & HEAP_HASEXTERNAL) == 0;
}

// Size of the varlena at `at`, of which `room` bytes can be read; 0: it is not valid, or does not
// end there.
size_t VarlenaSize(const char* at, size_t room) {
  if (room == 0) return 0;
  size_t size = 0;
  if (VARATT_IS_1B_E(at)) return 0;  // a TOAST pointer
  if (VARATT_IS_1B(at)) {
    size = VARSIZE_1B(at);
  } else {
    if (room < VARHDRSZ) return 0;
    size = VARSIZE_4B(at);
    if (size < VARHDRSZ || (VARATT_IS_4B_C(at) && size < VARHDRSZ_COMPRESSED)) return 0;
  }
  return size <= room ? size : 0;
}

size_t ValueSize(const FormData_pg_attribute& attribute, const char* at, size_t room) {
  if (attribute.attlen > 0) {
    const auto size = static_cast<size_t>(attribute.attlen);
    return size <= room ? size : 0;
  }
  if (attribute.attlen == -1) return VarlenaSize(at, room);
  const size_t length = strnlen(at, room);
  return length < room ? length + 1 : 0;
}

bool AreValuesSound(const HeapTupleData& tuple, TupleDesc desc) {
  const HeapTupleHeader header = tuple.t_data;
  const char* data = reinterpret_cast<const char*>(header) + header->t_hoff;
  const size_t size = tuple.t_len - header->t_hoff;
  const bool has_nulls = (header->t_infomask & HEAP_HASNULL) != 0;
  size_t at = 0;
  for (int i = 0; i < HeapTupleHeaderGetNatts(header); ++i) {
    if (has_nulls && att_isnull(i, header->t_bits)) continue;
    const FormData_pg_attribute& attribute = *TupleDescAttr(desc, i);
    // A short varlena is not aligned, and padding before any other is zero.
    const bool is_packed = attribute.attlen == -1 && at < size && data[at] != 0;
    if (!is_packed) at = att_align_nominal(at, attribute.attalign);
    const size_t length = at <= size ? ValueSize(attribute, data + at, size - at) : 0;
    if (length == 0) return false;
    at += length;
  }
  return true;
}

}  // namespace

HeapTuple TupleFromLog(::Relation relation, std::string_view bytes) {
  if (bytes.size() < SizeofHeapTupleHeader || bytes.size() > MaxAllocSize - HEAPTUPLESIZE ||
      relation->rd_rel->relkind != RELKIND_RELATION) {
    return nullptr;
  }
  TupleDesc desc = RelationGetDescr(relation);
  HeapTuple tuple = Copy(RelationGetRelid(relation), bytes);
  return IsHeaderSound(*tuple, desc) && AreValuesSound(*tuple, desc) ? tuple : nullptr;
}

}  // namespace fraiseql::pg
