// SPDX-License-Identifier: PostgreSQL
// The C functions through which logical decoding calls a Decoder.
extern "C" {
#include "postgres.h"

#include "fmgr.h"
#include "replication/output_plugin.h"
}

#include "pg/base/compat.h"
#include "pg/decode/decoder.h"
#include "pg/base/guard.h"
#include "pg/base/plugin_name.h"

namespace fraiseql::pg {

namespace {

Decoder* DecoderOf(LogicalDecodingContext* context) {
  if (context->output_plugin_private == nullptr) {
    ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                    errmsg("output plugin \"%s\" cannot be used directly", kPluginName),
                    errhint("Use fraiseql_nats.messages() to see what a slot would publish.")));
  }
  return static_cast<Decoder*>(context->output_plugin_private);
}

void OnStartup(LogicalDecodingContext* context, OutputPluginOptions* options, bool) {
  options->output_type = OUTPUT_PLUGIN_BINARY_OUTPUT;
  options->receive_rewrites = false;
  // Whole transactions only, at their commit: a streamed transaction may still roll back.
  context->streaming = false;
  context->twophase = false;
}

void OnBegin(LogicalDecodingContext* context, ReorderBufferTXN* txn) {
  Decoder* decoder = DecoderOf(context);
  Guard([=] { decoder->Begin(context, txn); });
}

void OnChange(LogicalDecodingContext* context, ReorderBufferTXN*, ::Relation relation,
              ReorderBufferChange* change) {
  Decoder* decoder = DecoderOf(context);
  Guard([=] { decoder->OnChange(relation, change); });
}

void OnTruncate(LogicalDecodingContext* context, ReorderBufferTXN*, int count,
                ::Relation relations[], ReorderBufferChange*) {
  Decoder* decoder = DecoderOf(context);
  Guard([=] { decoder->OnTruncate(count, relations); });
}

// Postgres asks for each record with a change, and once more for a commit; also while a slot is
// being created, when there is no decoder.
template <typename OriginId>
bool OnFilter(LogicalDecodingContext* context, OriginId) {
  auto* decoder = static_cast<Decoder*>(context->output_plugin_private);
  return decoder != nullptr && decoder->filter().skips();
}

void OnMessage(LogicalDecodingContext* context, ReorderBufferTXN*, XLogRecPtr, bool transactional,
               const char* prefix, Size size, const char* body) {
  Decoder* decoder = DecoderOf(context);
  Guard([=] { decoder->OnMessage(transactional, prefix, size, body); });
}

void OnCommit(LogicalDecodingContext* context, ReorderBufferTXN* txn, XLogRecPtr) {
  Decoder* decoder = DecoderOf(context);
  Guard([=] { decoder->Commit(txn); });
}

}  // namespace

void AttachDecoder(LogicalDecodingContext* context, Decoder* decoder) {
  context->output_plugin_private = decoder;
}

}  // namespace fraiseql::pg

extern "C" {

PGDLLEXPORT void _PG_output_plugin_init(OutputPluginCallbacks* callbacks);

void _PG_output_plugin_init(OutputPluginCallbacks* callbacks) {
  using namespace fraiseql::pg;
  callbacks->startup_cb = OnStartup;
  callbacks->begin_cb = OnBegin;
  callbacks->change_cb = OnChange;
  callbacks->truncate_cb = OnTruncate;
  callbacks->message_cb = OnMessage;
  callbacks->commit_cb = OnCommit;
  callbacks->filter_by_origin_cb = OnFilter;
}
}
