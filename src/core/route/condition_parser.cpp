// SPDX-License-Identifier: PostgreSQL
#include <algorithm>

#include "core/route/condition.h"
#include "core/base/decimal.h"
#include "core/base/json_text.h"
#include "core/base/utf8.h"

namespace fraiseql {

namespace {

constexpr size_t kMaxBytes = 4096;
constexpr int kMaxDepth = 64;

constexpr char kTestHint[] =
    "A test is column == 'text', column > 10, has_field('column'), field_changed('column'), "
    "field_changed_to('column', 'value') or field_changed_from('column', 'value'); tests are "
    "joined "
    "by &&, || and !, and grouped by parentheses.";
constexpr char kQuoteHint[] = "Strings are in single quotes: status == 'shipped'.";

// Operators of other languages; the error's hint names the correct one.
constexpr struct {
  std::string_view spelling, hint;
} kForeign[] = {
    {".", "Name the column alone, without a dot; status.changed() is field_changed('status')."},
    {"\"", kQuoteHint},
    {"=", "Equality is ==."},
    {"<>", "Inequality is !=."},
    {"&", "Write && for and."},
    {"|", "Write || for or."},
    {"AND", "Write && for and."},
    {"OR", "Write || for or."},
    {"and", "Write && for and."},
    {"or", "Write || for or."},
    {"IS", "Write column == null or column != null."},
    {"is", "Write column == null or column != null."},
    {"`", kQuoteHint},
};

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsWordStart(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || byte >= 0x80;
}
bool IsWordPart(char c) { return IsWordStart(c) || IsDigit(c); }
bool IsOperatorPart(char c) { return c == '=' || c == '!' || c == '<' || c == '>'; }
bool IsNumberPart(char c) { return IsWordPart(c) || c == '.' || c == '-' || c == '+'; }
bool IsBlank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

}  // namespace

// Recursive descent over one text; see the grammar at Condition.
class ConditionParser {
 public:
  explicit ConditionParser(std::string_view text) : text_(text) {}

  Status Parse(Condition::Node* root) {
    SkipBlanks();
    Status status = ParseOr(root);
    if (status.ok() && at_ < text_.size()) status = Unexpected("expected && or ||");
    return status;
  }

 private:
  using Node = Condition::Node;
  using Kind = Condition::Kind;

  Status ParseOr(Node* node) {
    return ParseJunction(Kind::kOr, "||", &ConditionParser::ParseAnd, node);
  }
  Status ParseAnd(Node* node) {
    return ParseJunction(Kind::kAnd, "&&", &ConditionParser::ParseNot, node);
  }
  Status ParseJunction(Kind kind, std::string_view symbol, Status (ConditionParser::*parse)(Node*),
                       Node* node);
  Status ParseNot(Node* node);
  Status ParseNested(Status (ConditionParser::*parse)(Node*), Node* node);
  Status ParseParenthesized(Node* node);
  Status ParseTest(Node* node);
  Status ParseComparison(Node* node);
  Status ParseLiteral(Node* node);
  Status ParseFunction(size_t name_at, Node* node);
  Status ParseArguments(std::vector<std::string>* arguments);
  Status ParseString(std::string* value);

  // Takes the characters for which `is_part` is true, and the blanks after them.
  template <typename IsPart>
  std::string_view TakeWhile(IsPart is_part) {
    const size_t begin = at_;
    while (at_ < text_.size() && is_part(text_[at_])) ++at_;
    const std::string_view taken = text_.substr(begin, at_ - begin);
    SkipBlanks();
    return taken;
  }
  void SkipBlanks() {
    while (at_ < text_.size() && IsBlank(text_[at_])) ++at_;
  }
  bool TakeSymbol(std::string_view symbol) {
    if (text_.substr(at_, symbol.size()) != symbol) return false;
    at_ += symbol.size();
    SkipBlanks();
    return true;
  }
  char next() const { return at_ < text_.size() ? text_[at_] : '\0'; }

  // The token at `at`: a word, an operator or a single character.
  std::string_view TokenAt(size_t at) const;
  Status Fail(size_t at, const std::string& reason, std::string_view hint) const;
  // Fails at the next token, with a hint if it is an operator of another language.
  Status Unexpected(const std::string& reason) const;

  const std::string_view text_;
  size_t at_ = 0;
  int depth_ = 0;
};

Status ConditionParser::ParseJunction(Kind kind, std::string_view symbol,
                                      Status (ConditionParser::*parse)(Node*), Node* node) {
  Status status = (this->*parse)(node);
  if (!status.ok() || text_.substr(at_, symbol.size()) != symbol) return status;
  Node junction;
  junction.kind = kind;
  junction.operands.push_back(std::move(*node));
  while (status.ok() && TakeSymbol(symbol)) {
    junction.operands.emplace_back();
    status = (this->*parse)(&junction.operands.back());
  }
  *node = std::move(junction);
  return status;
}

Status ConditionParser::ParseNot(Node* node) {
  if (TakeSymbol("!")) {
    node->kind = Kind::kNot;
    node->operands.emplace_back();
    return ParseNested(&ConditionParser::ParseNot, &node->operands.back());
  }
  if (TakeSymbol("(")) return ParseNested(&ConditionParser::ParseParenthesized, node);
  return ParseTest(node);
}

Status ConditionParser::ParseNested(Status (ConditionParser::*parse)(Node*), Node* node) {
  if (depth_ == kMaxDepth) {
    return Fail(at_, "nested deeper than " + std::to_string(kMaxDepth), "Use fewer parentheses.");
  }
  ++depth_;
  Status status = (this->*parse)(node);
  --depth_;
  return status;
}

Status ConditionParser::ParseParenthesized(Node* node) {
  Status status = ParseOr(node);
  if (status.ok() && !TakeSymbol(")")) status = Unexpected("expected &&, || or )");
  return status;
}

Status ConditionParser::ParseTest(Node* node) {
  const size_t begin = at_;
  node->column = TakeWhile(IsWordPart);
  if (node->column.empty() || IsDigit(node->column.front())) {
    at_ = begin;
    return Unexpected("expected a column or a function");
  }
  return TakeSymbol("(") ? ParseFunction(begin, node) : ParseComparison(node);
}

Status ConditionParser::ParseComparison(Node* node) {
  static constexpr struct {
    std::string_view symbol;
    Kind kind;
  } kOperators[] = {{"==", Kind::kEqual},          {"!=", Kind::kNotEqual},
                    {">", Kind::kGreater},         {"<", Kind::kLess},
                    {">=", Kind::kGreaterOrEqual}, {"<=", Kind::kLessOrEqual}};
  const std::string_view symbol = TokenAt(at_);
  for (const auto& known : kOperators) {
    if (known.symbol != symbol) continue;
    node->kind = known.kind;
    TakeSymbol(symbol);
    return ParseLiteral(node);
  }
  return Unexpected("expected one of == != > < >= <=");
}

Status ConditionParser::ParseLiteral(Node* node) {
  const size_t begin = at_;
  if (next() == '\'') {
    std::string text;
    const Status status = ParseString(&text);
    if (!status.ok()) return status;
    AppendJsonString(text, &node->literal);
  } else {
    const std::string_view word = TakeWhile(IsNumberPart);
    if (word.empty()) return Unexpected("expected a string, a number, true, false or null");
    if (!IsJsonNumber(word) && word != "true" && word != "false" && word != "null") {
      return Fail(begin, '"' + std::string(word) + "\" is neither a number nor a string",
                  kQuoteHint);
    }
    node->literal = word;
  }
  const bool is_equality = node->kind == Kind::kEqual || node->kind == Kind::kNotEqual;
  if (is_equality || IsJsonNumber(node->literal)) return Status::Ok();
  return Fail(begin, "only numbers have an order", "Compare with == or !=, or with a number.");
}

Status ConditionParser::ParseFunction(size_t name_at, Node* node) {
  static constexpr struct {
    std::string_view name;
    Kind kind;
    size_t arguments;
  } kFunctions[] = {{"has_field", Kind::kHasField, 1},
                    {"field_changed", Kind::kFieldChanged, 1},
                    {"field_changed_to", Kind::kFieldChangedTo, 2},
                    {"field_changed_from", Kind::kFieldChangedFrom, 2}};
  const std::string name = std::move(node->column);
  const auto known = std::find_if(std::begin(kFunctions), std::end(kFunctions),
                                  [&](const auto& function) { return function.name == name; });
  if (known == std::end(kFunctions)) {
    return Fail(name_at, "unknown function \"" + name + '"', kTestHint);
  }
  std::vector<std::string> arguments;
  const Status status = ParseArguments(&arguments);
  if (!status.ok()) return status;
  if (arguments.size() != known->arguments) {
    return Fail(name_at,
                name + "() takes " + std::to_string(known->arguments) + " argument" +
                    (known->arguments == 1 ? "" : "s") + ", not " +
                    std::to_string(arguments.size()),
                kTestHint);
  }
  node->kind = known->kind;
  node->column = arguments.front();
  if (arguments.size() == 2) {
    node->text = arguments.back();
    AppendJsonString(node->text, &node->literal);
  }
  return Status::Ok();
}

Status ConditionParser::ParseArguments(std::vector<std::string>* arguments) {
  if (TakeSymbol(")")) return Status::Ok();
  do {
    if (next() != '\'') return Unexpected("expected a string in single quotes");
    arguments->emplace_back();
    const Status status = ParseString(&arguments->back());
    if (!status.ok()) return status;
  } while (TakeSymbol(","));
  return TakeSymbol(")") ? Status::Ok() : Unexpected("expected , or )");
}

Status ConditionParser::ParseString(std::string* value) {
  const size_t end = text_.find('\'', at_ + 1);
  if (end == std::string_view::npos) {
    return Fail(at_, "unterminated string", "End it with a single quote.");
  }
  *value = text_.substr(at_ + 1, end - at_ - 1);
  at_ = end + 1;
  SkipBlanks();
  return Status::Ok();
}

std::string_view ConditionParser::TokenAt(size_t at) const {
  if (at >= text_.size()) return {};
  const char first = text_[at];
  size_t end = at + 1;
  if (IsWordPart(first)) {
    while (end < text_.size() && IsWordPart(text_[end])) ++end;
  } else if (IsOperatorPart(first)) {
    while (end < text_.size() && IsOperatorPart(text_[end])) ++end;
  }
  return text_.substr(at, end - at);
}

Status ConditionParser::Fail(size_t at, const std::string& reason, std::string_view hint) const {
  const size_t characters = CountCharacters(text_.substr(0, at));
  return Status::Invalid(
      "invalid condition at character " + std::to_string(characters + 1) + ": " + reason,
      std::string(hint));
}

Status ConditionParser::Unexpected(const std::string& reason) const {
  const std::string_view token = TokenAt(at_);
  const std::string found = token.empty() ? "the end" : '"' + std::string(token) + '"';
  const auto foreign = std::find_if(std::begin(kForeign), std::end(kForeign),
                                    [&](const auto& known) { return known.spelling == token; });
  return Fail(at_, reason + ", found " + found,
              foreign == std::end(kForeign) ? kTestHint : foreign->hint);
}

Status Condition::Parse(std::string_view text, Condition* parsed) {
  if (text.size() > kMaxBytes) {
    return Status::Invalid("condition is longer than " + std::to_string(kMaxBytes) + " bytes",
                           "Test in the application, or in several observers.");
  }
  Condition condition;
  condition.text_ = text;
  ConditionParser parser(text);
  const Status status = parser.Parse(&condition.root_);
  if (status.ok()) *parsed = std::move(condition);
  return status;
}

}  // namespace fraiseql
