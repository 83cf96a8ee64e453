/*
 * SPDX-License-Identifier: PostgreSQL
 *
 * An output plugin that shares nothing with the extension: what each transaction has changed, in the
 * words of the server's own to_jsonb(), to compare with what was published.
 *
 * Lines, with a tab between fields:
 *   B  commit LSN  xid
 *   I|U|D  OIDs of the table and of those it is a partition of  schema.table  columns not logged  row
 *   T  OIDs  schema.table  OIDs of all tables of this TRUNCATE
 *   C
 * A row is an object in JSON: the new one, of D what is logged of the old one.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/partition.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "nodes/makefuncs.h"
#include "replication/logical.h"
#include "replication/output_plugin.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/json.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/resowner.h"

PG_MODULE_MAGIC;

extern PGDLLEXPORT void _PG_output_plugin_init(OutputPluginCallbacks *callbacks);

static MemoryContext context;			/* of one change */

/* Calls to_jsonb() or to_json(), which ask the expression for the type of their argument. */
static Datum
call_with_type(Oid function, Oid type, Datum value)
{
	FmgrInfo	info;
	Node	   *argument = (Node *) makeNullConst(type, -1, InvalidOid);

	fmgr_info(function, &info);
	info.fn_expr = (Node *) makeFuncExpr(function, JSONBOID, list_make1(argument), InvalidOid,
										 InvalidOid, COERCE_EXPLICIT_CALL);
	return FunctionCall1(&info, value);
}

static void
append_value(StringInfo out, Oid type, Datum value)
{
	/* to_jsonb() refuses \u0000 in it, and forgets nothing else that a reader of JSON would see. */
	if (getBaseType(type) == JSONOID)
	{
		char	   *json = TextDatumGetCString(value);

		for (char *at = json; *at != '\0'; ++at)
			if (*at == '\n' || *at == '\t' || *at == '\r')
				*at = ' ';
		appendStringInfoString(out, json);
	}
	else
	{
		Jsonb	   *jsonb = DatumGetJsonbP(call_with_type(F_TO_JSONB, type, value));

		JsonbToCString(out, &jsonb->root, VARSIZE(jsonb));
	}
}

/* Neither a tab nor the end of a line is in it. */
static void
append_name(StringInfo out, const char *name)
{
	StringInfoData quoted;

	initStringInfo(&quoted);
	escape_json(&quoted, name);
	appendBinaryStringInfo(out, quoted.data, quoted.len);
}

static void
append_table(StringInfo out, char kind, Relation relation)
{
	ListCell   *cell;

	appendStringInfo(out, "%c\t%u", kind, RelationGetRelid(relation));
	if (relation->rd_rel->relispartition)
		foreach(cell, get_partition_ancestors(RelationGetRelid(relation)))
			appendStringInfo(out, ",%u", lfirst_oid(cell));
	appendStringInfoChar(out, '\t');
	append_name(out, psprintf("%s.%s", get_namespace_name(RelationGetNamespace(relation)),
							  RelationGetRelationName(relation)));
}

static void
append_row(StringInfo out, Relation relation, HeapTuple tuple, bool key_only)
{
	TupleDesc	desc = RelationGetDescr(relation);
	StringInfoData row;
	const char *comma = "";

	initStringInfo(&row);
	appendStringInfoString(out, "\t[");
	for (int i = 0; tuple != NULL && i < desc->natts; ++i)
	{
		Form_pg_attribute attribute = TupleDescAttr(desc, i);
		bool		is_null;
		Datum		value;

		if (attribute->attisdropped)
			continue;
		value = heap_getattr(tuple, i + 1, desc, &is_null);
		if (is_null && key_only)
			continue;			/* or not logged */
		if (!is_null && attribute->attlen == -1 && VARATT_IS_EXTERNAL_ONDISK(DatumGetPointer(value)))
		{
			if (out->data[out->len - 1] != '[')
				appendStringInfoChar(out, ',');
			append_name(out, NameStr(attribute->attname));
			continue;
		}
		appendStringInfoString(&row, comma);
		append_name(&row, NameStr(attribute->attname));
		appendStringInfoChar(&row, ':');
		if (is_null)
			appendStringInfoString(&row, "null");
		else
			append_value(&row, attribute->atttypid, value);
		comma = ",";
	}
	appendStringInfo(out, "]\t{%s}", row.data);
}

static void
on_begin(LogicalDecodingContext *ctx, ReorderBufferTXN *txn)
{
	OutputPluginPrepareWrite(ctx, true);
	appendStringInfo(ctx->out, "B\t%X/%X\t%u", LSN_FORMAT_ARGS(txn->final_lsn), txn->xid);
	OutputPluginWrite(ctx, true);
}

static void
on_commit(LogicalDecodingContext *ctx, ReorderBufferTXN *txn, XLogRecPtr commit_lsn)
{
	OutputPluginPrepareWrite(ctx, true);
	appendStringInfoChar(ctx->out, 'C');
	OutputPluginWrite(ctx, true);
}

static void
on_change(LogicalDecodingContext *ctx, ReorderBufferTXN *txn, Relation relation,
		  ReorderBufferChange *change)
{
	MemoryContext caller = MemoryContextSwitchTo(context);
	ReorderBufferTupleBuf *tuple = change->data.tp.newtuple;
	char		kind = 'I';

	if (change->action == REORDER_BUFFER_CHANGE_UPDATE)
		kind = 'U';
	else if (change->action == REORDER_BUFFER_CHANGE_DELETE)
	{
		kind = 'D';
		tuple = change->data.tp.oldtuple;
	}
	OutputPluginPrepareWrite(ctx, true);
	append_table(ctx->out, kind, relation);
	append_row(ctx->out, relation, tuple == NULL ? NULL : &tuple->tuple, kind == 'D');
	OutputPluginWrite(ctx, true);
	MemoryContextSwitchTo(caller);
	MemoryContextReset(context);
}

static void
on_truncate(LogicalDecodingContext *ctx, ReorderBufferTXN *txn, int count, Relation relations[],
			ReorderBufferChange *change)
{
	MemoryContext caller = MemoryContextSwitchTo(context);

	for (int i = 0; i < count; ++i)
	{
		OutputPluginPrepareWrite(ctx, i == count - 1);
		append_table(ctx->out, 'T', relations[i]);
		for (int j = 0; j < count; ++j)
			appendStringInfo(ctx->out, "%c%u", j == 0 ? '\t' : ',', RelationGetRelid(relations[j]));
		OutputPluginWrite(ctx, i == count - 1);
	}
	MemoryContextSwitchTo(caller);
	MemoryContextReset(context);
}

static void
on_startup(LogicalDecodingContext *ctx, OutputPluginOptions *options, bool is_init)
{
	/* The values may be no text. */
	options->output_type = OUTPUT_PLUGIN_BINARY_OUTPUT;
	context = AllocSetContextCreate(ctx->context, "witness", ALLOCSET_DEFAULT_SIZES);
}

void
_PG_output_plugin_init(OutputPluginCallbacks *callbacks)
{
	callbacks->startup_cb = on_startup;
	callbacks->begin_cb = on_begin;
	callbacks->change_cb = on_change;
	callbacks->truncate_cb = on_truncate;
	callbacks->commit_cb = on_commit;
}
