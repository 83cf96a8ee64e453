// SPDX-License-Identifier: PostgreSQL
extern "C" {
#include "postgres.h"

#include "access/transam.h"
#include "catalog/namespace.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_language.h"
#include "catalog/pg_proc.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "nodes/parsenodes.h"
#include "optimizer/optimizer.h"
#include "parser/parse_coerce.h"
#include "parser/parse_collate.h"
#include "parser/parse_expr.h"
#include "parser/parse_node.h"
#include "parser/parser.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/regproc.h"
#include "utils/syscache.h"
}

#include "pg/base/compat.h"
#include "pg/observe/observer_filter.h"

namespace fraiseql::pg {

namespace {

constexpr char kAllowed[] =
    "Use columns, constants, and immutable functions and operators of Postgres itself.";

// --- columns -------------------------------------------------------------------------------------

[[noreturn]] void RefuseReference(ParseState* state, const ColumnRef* reference,
                                  const char* detail) {
  ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                  errmsg("invalid reference \"%s\" in filter", NameListToString(reference->fields)),
                  errdetail("%s", detail),
                  errhint("Write a column alone, or as new.column or old.column."),
                  parser_errposition(state, reference->location)));
  pg_unreachable();
}

const char* NameIn(const List* fields, int index) {
  auto* field = static_cast<Node*>(list_nth(fields, index));
  return IsA(field, String) ? strVal(field) : nullptr;
}

int VarnoOfQualifier(const char* qualifier) {
  if (qualifier == nullptr) return 0;
  if (strcmp(qualifier, "new") == 0) return kVarOfNew;
  if (strcmp(qualifier, "old") == 0) return kVarOfOld;
  return 0;
}

// Resolves every column; no other name can be resolved, since the expression has no range table.
Node* ResolveColumn(ParseState* state, ColumnRef* reference) {
  const int parts = list_length(reference->fields);
  const int varno = parts == 1 ? kVarOfRow : VarnoOfQualifier(NameIn(reference->fields, 0));
  if (parts > 2 || varno == 0) RefuseReference(state, reference, "No other table can be seen.");
  const char* name = NameIn(reference->fields, parts - 1);
  if (name == nullptr) RefuseReference(state, reference, "A row as a whole cannot be seen.");
  const auto* relation = static_cast<RelationData*>(state->p_ref_hook_state);
  for (int i = 0; i < relation->rd_att->natts; ++i) {
    Form_pg_attribute attribute = TupleDescAttr(relation->rd_att, i);
    if (attribute->attisdropped || strcmp(NameStr(attribute->attname), name) != 0) continue;
    if (IsVirtual(attribute)) RefuseReference(state, reference, "It is computed when it is read.");
    Var* var = makeVar(varno, attribute->attnum, attribute->atttypid, attribute->atttypmod,
                       attribute->attcollation, 0);
    var->location = reference->location;
    return reinterpret_cast<Node*>(var);
  }
  ereport(ERROR, (errcode(ERRCODE_UNDEFINED_COLUMN),
                  errmsg("column \"%s\" of relation \"%s\" does not exist", name,
                         RelationGetRelationName(relation)),
                  parser_errposition(state, reference->location)));
  pg_unreachable();
}

// --- what a filter may contain -------------------------------------------------------------------

// With types of Postgres only, a function of Postgres calls no code of users.
bool IsAllowedType(Oid type) {
  type = getBaseType(type);
  const Oid element = get_element_type(type);
  if (OidIsValid(element)) type = getBaseType(element);
  return type < FirstNormalObjectId || type_is_enum(type);
}

bool IsInternal(Oid function) {
  HeapTuple tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
  if (!HeapTupleIsValid(tuple)) return false;
  const Oid language = reinterpret_cast<Form_pg_proc>(GETSTRUCT(tuple))->prolang;
  ReleaseSysCache(tuple);
  return language == INTERNALlanguageId;
}

struct Check {
  ParseState* state;
  bool is_planned;   // SQL functions have been inlined
  const Node* node;  // the node being checked
};

[[noreturn]] void Refuse(const Check& check, const char* message, const char* detail) {
  ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED), errmsg("%s in filter", message),
                  errdetail("%s", detail), errhint("%s", kAllowed),
                  parser_errposition(check.state, exprLocation(check.node))));
  pg_unreachable();
}

// Never returns true, which would end the walk: raises if the function is not allowed.
bool CheckFunction(Oid function, void* argument) {
  const Check& check = *static_cast<Check*>(argument);
  const char* reason = nullptr;
  if (function >= FirstNormalObjectId) {
    reason = "It is not a function of Postgres itself.";
  } else if (func_volatile(function) != PROVOLATILE_IMMUTABLE) {
    reason = "Its result depends on more than its arguments.";
  } else if (check.is_planned && !IsInternal(function)) {
    reason = "It is not written in C.";
  }
  if (reason != nullptr) {
    Refuse(check, psprintf("cannot call %s", format_procedure(function)), reason);
  }
  return false;
}

bool IsAllowedNode(const Node* node) {
  switch (nodeTag(node)) {
    case T_Var:
    case T_Const:
    case T_OpExpr:
    case T_DistinctExpr:
    case T_NullIfExpr:
    case T_ScalarArrayOpExpr:
    case T_RowCompareExpr:
    case T_FuncExpr:
    case T_NamedArgExpr:
    case T_BoolExpr:
    case T_RelabelType:
    case T_CoerceViaIO:
    case T_ArrayCoerceExpr:
    case T_CollateExpr:
    case T_CaseExpr:
    case T_CaseTestExpr:
    case T_ArrayExpr:
    case T_RowExpr:
    case T_CoalesceExpr:
    case T_MinMaxExpr:
    case T_NullTest:
    case T_BooleanTest:
    case T_SubscriptingRef:
      return true;
    default:
      return false;
  }
}

bool CheckNode(Node* node, void* argument) {
  if (node == nullptr) return false;
  auto* check = static_cast<Check*>(argument);
  if (!IsA(node, List)) {
    check->node = node;
    if (!IsAllowedNode(node)) Refuse(*check, "cannot evaluate this", "It needs more than the row.");
    if (!IsAllowedType(exprType(node))) {
      Refuse(*check, psprintf("cannot use type %s", format_type_be(exprType(node))),
             "It is neither a type of Postgres itself nor an enum, nor made of these.");
    }
    (void)check_functions_in_node(node, CheckFunction, check);
  }
  return expression_tree_walker(node, AsTreeWalker(CheckNode), check);
}

// --- reading -------------------------------------------------------------------------------------

// Returns the one expression of the text, before names are resolved.
Node* ParseText(const char* text) {
  List* statements = raw_parser(text, RAW_PARSE_PLPGSQL_EXPR);
  const auto* select = castNode(SelectStmt, linitial_node(RawStmt, statements)->stmt);
  const bool is_query = select->distinctClause != NIL || select->fromClause != NIL ||
                        select->whereClause != nullptr || select->groupClause != NIL ||
                        select->havingClause != nullptr || select->windowClause != NIL ||
                        select->sortClause != NIL || select->limitCount != nullptr ||
                        select->limitOffset != nullptr || select->lockingClause != NIL ||
                        select->op != SETOP_NONE;
  if (is_query || list_length(select->targetList) != 1 ||
      linitial_node(ResTarget, select->targetList)->name != nullptr) {
    ereport(ERROR, (errcode(ERRCODE_SYNTAX_ERROR), errmsg("filter is not one expression"),
                    errhint("Write a condition, such as status = 'paid' AND total > old.total.")));
  }
  return linitial_node(ResTarget, select->targetList)->val;
}

void AddContext(void* text) {
  PointIntoText(text);
  errcontext("filter of an observer");
}

Expr* Parse(const char* text, ::Relation relation) {
  Node* raw = ParseText(text);
  ParseState* state = make_parsestate(nullptr);
  state->p_sourcetext = text;
  state->p_pre_columnref_hook = ResolveColumn;
  state->p_ref_hook_state = relation;
  // The kind makes the parser refuse aggregates, subqueries and others.
  Node* node = transformExpr(state, raw, EXPR_KIND_TRIGGER_WHEN);
  node = coerce_to_boolean(state, node, "filter");
  assign_expr_collations(state, node);
  Check check{state, false, nullptr};
  (void)CheckNode(node, &check);
  Expr* expression = expression_planner(reinterpret_cast<Expr*>(node));
  check.is_planned = true;
  (void)CheckNode(reinterpret_cast<Node*>(expression), &check);
  free_parsestate(state);
  return expression;
}

}  // namespace

void PointIntoText(void* text) {
  const int position = geterrposition();
  if (position > 0) {
    errposition(0);
    internalerrposition(position);
    internalerrquery(static_cast<const char*>(text));
  }
}

Expr* ParseFilter(const char* text, ::Relation relation) {
  ErrorContextCallback context;
  context.callback = AddContext;
  context.arg = const_cast<char*>(text);
  context.previous = error_context_stack;
  error_context_stack = &context;
  Expr* expression = Parse(text, relation);
  error_context_stack = context.previous;
  return expression;
}

}  // namespace fraiseql::pg
