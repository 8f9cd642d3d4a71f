#include "dstack/query/filter.hpp"

#include "dstack/base/quantity.hpp"
#include "dstack/base/suggest.hpp"
#include "dstack/base/text.hpp"

#include <algorithm>
#include <array>
#include <cmath>

namespace dstack::query {

namespace {

enum class Kind { all, any, negation, comparison, undefined };

constexpr std::array operators = {"==", "!=", "<=", ">=", "=", "<", ">", "~"};
constexpr std::string_view special = "=!<>~()'\"";
constexpr std::size_t deepest = 100;

bool is_blank(char character) {
  return character == ' ' || character == '\t' || character == '\n';
}

}  // namespace

std::optional<double> number_of(const Value& value) {
  if (const auto* number = std::get_if<double>(&value))
    return *number;
  if (const auto* text = std::get_if<std::string>(&value))
    return parse_number<double>(*text);
  return std::nullopt;
}

struct Filter::Node {
  Kind kind = Kind::comparison;
  std::vector<std::shared_ptr<const Node>> parts = {};
  std::string name = {};
  SourceLocation where = {};  ///< of the name
  std::string operation = {};
  std::string value = {};

  bool holds(const std::function<Value(const std::string&)>& value_of) const {
    switch (kind) {
      case Kind::all:
        return std::all_of(
            parts.begin(), parts.end(), [&](const auto& part) { return part->holds(value_of); });
      case Kind::any:
        return std::any_of(
            parts.begin(), parts.end(), [&](const auto& part) { return part->holds(value_of); });
      case Kind::negation:
        return !parts.front()->holds(value_of);
      case Kind::undefined:
        return std::holds_alternative<std::monostate>(value_of(name));
      case Kind::comparison:
        break;
    }
    return compare(value_of(name));
  }

  bool compare(const Value& left) const {
    if (std::holds_alternative<std::monostate>(left))
      return false;
    const auto number = number_of(left);
    auto wanted = parse_number<double>(value);
    if (number && !wanted)
      if (const auto duration = parse_duration(value))
        wanted = std::chrono::duration<double>(*duration).count();
    if (operation == "~") {
      const auto* text = std::get_if<std::string>(&left);
      return text != nullptr && text->find(value) != std::string::npos;
    }
    if (number && wanted)
      return compare(*number, *wanted);
    const auto* text = std::get_if<std::string>(&left);
    const bool same = text != nullptr && *text == value;
    return operation == "!=" ? !same : (operation == "=" || operation == "==") && same;
  }

  bool compare(double left, double right) const {
    if (std::isnan(left) || std::isnan(right))
      return false;
    if (operation == "=" || operation == "==")
      return left == right;
    if (operation == "!=")
      return left != right;
    if (operation == "<")
      return left < right;
    if (operation == "<=")
      return left <= right;
    return operation == ">" ? left > right : left >= right;
  }

  void visit(const std::function<void(const Node&)>& see) const {
    see(*this);
    for (const auto& part : parts)
      part->visit(see);
  }
};

/// Of one text; errors name their place in it.
class Parser {
 public:
  explicit Parser(const std::string& text)
      : text_(text), source_(make_source_text("--filter", text)) {}

  Result<Filter> parse() {
    advance();
    Filter filter;
    DSTACK_TRY(filter.root_, any(0));
    if (!at_end())
      return fail(expected("'and', 'or' or the end"));
    return filter;
  }

 private:
  using Node = Filter::Node;
  using Tree = std::shared_ptr<const Node>;

  enum class Sort { word, quoted, symbol, end };

  struct Token {
    Sort sort = Sort::end;
    std::string text = {};
    std::size_t begin = 0;
    std::size_t end = 0;
  };

  bool at_end() const { return token_.sort == Sort::end; }

  bool is_word(std::string_view word) const {
    return token_.sort == Sort::word && token_.text == word;
  }

  bool is_symbol(std::string_view symbol) const {
    return token_.sort == Sort::symbol && token_.text == symbol;
  }

  /// Reads the next word, quoted text or symbol.
  void advance() {
    while (next_ < text_.size() && is_blank(text_[next_]))
      ++next_;
    token_ = {Sort::end, {}, next_, next_};
    if (next_ == text_.size())
      return;
    const char first = text_[next_];
    if (first == '\'' || first == '"') {
      const std::size_t close = text_.find(first, next_ + 1);
      const std::size_t end = std::min(close, text_.size());
      token_ = {close == std::string::npos ? Sort::symbol : Sort::quoted,
                text_.substr(next_ + 1, end - next_ - 1),
                next_,
                std::min(end + 1, text_.size())};
    } else if (first == '(' || first == ')') {
      token_ = {Sort::symbol, std::string(1, first), next_, next_ + 1};
    } else if (const std::string_view found = operator_at(next_); !found.empty()) {
      token_ = {Sort::symbol, std::string(found), next_, next_ + found.size()};
    } else {
      std::size_t end = next_;
      while (end < text_.size() && !is_blank(text_[end]) &&
             (end == next_ || special.find(text_[end]) == std::string_view::npos))
        ++end;
      token_ = {Sort::word, text_.substr(next_, end - next_), next_, end};
    }
    next_ = token_.end;
  }

  std::string_view operator_at(std::size_t at) const {
    for (const char* each : operators)
      if (std::string_view(text_).substr(at).starts_with(each))
        return each;
    return {};
  }

  SourceLocation place_of(const Token& token) const {
    const std::string_view text = text_;
    const std::string_view word = text.substr(token.begin, token.end - token.begin);
    return {source_,
            1,
            static_cast<std::uint32_t>(count_characters(text.substr(0, token.begin)) + 1),
            static_cast<std::uint32_t>(std::max<std::size_t>(1, count_characters(word)))};
  }

  Error expected(const std::string& what) const {
    return make_error(ErrorCode::usage,
                      "expected {}{}",
                      what,
                      at_end() ? std::string() : fmt::format(", not '{}'", printable(token_.text)))
        .at(place_of(token_))
        .with_hint("write '--filter \"lr<0.1 and status=done\"', for example");
  }

  static Tree made(Node node) { return std::make_shared<const Node>(std::move(node)); }

  Result<Tree> any(std::size_t depth) { return list("or", Kind::any, depth, &Parser::all); }

  Result<Tree> all(std::size_t depth) { return list("and", Kind::all, depth, &Parser::one); }

  Result<Tree> list(const char* word,
                    Kind kind,
                    std::size_t depth,
                    Result<Tree> (Parser::*part)(std::size_t)) {
    Node node;
    node.kind = kind;
    DSTACK_TRY(Tree first, (this->*part)(depth));
    node.parts.push_back(std::move(first));
    while (is_word(word)) {
      advance();
      DSTACK_TRY(Tree next, (this->*part)(depth));
      node.parts.push_back(std::move(next));
    }
    return node.parts.size() == 1 ? node.parts.front() : made(std::move(node));
  }

  Result<Tree> one(std::size_t depth) {
    if (depth > deepest)
      return fail(make_error(ErrorCode::usage, "it is nested too deeply").at(place_of(token_)));
    if (is_word("not")) {
      advance();
      Node node;
      node.kind = Kind::negation;
      DSTACK_TRY(Tree part, one(depth + 1));
      node.parts.push_back(std::move(part));
      return made(std::move(node));
    }
    if (is_symbol("(")) {
      advance();
      DSTACK_TRY(Tree inner, any(depth + 1));
      if (!is_symbol(")"))
        return fail(expected("')'"));
      advance();
      return inner;
    }
    return comparison();
  }

  Result<Tree> comparison() {
    if (token_.sort != Sort::word && token_.sort != Sort::quoted)
      return fail(expected("the name of a column"));
    Node node;
    node.name = token_.text;
    node.where = place_of(token_);
    advance();
    if (is_word("is"))
      return undefined(std::move(node));
    if (token_.sort != Sort::symbol || operator_at(token_.begin) != token_.text)
      return fail(expected("'=', '!=', '<', '<=', '>', '>=', '~' or 'is undefined'"));
    node.operation = token_.text;
    advance();
    if (token_.sort != Sort::word && token_.sort != Sort::quoted)
      return fail(expected("a value"));
    node.value = token_.text;
    advance();
    return made(std::move(node));
  }

  Result<Tree> undefined(Node node) {
    advance();
    const bool negated = is_word("not");
    if (negated)
      advance();
    if (!is_word("undefined"))
      return fail(expected("'undefined'"));
    advance();
    node.kind = Kind::undefined;
    if (!negated)
      return made(std::move(node));
    Node negation;
    negation.kind = Kind::negation;
    negation.parts.push_back(made(std::move(node)));
    return made(std::move(negation));
  }

  std::string text_;
  std::shared_ptr<const SourceText> source_;
  std::size_t next_ = 0;
  Token token_;
};

Result<Filter> Filter::parse(const std::string& text) {
  return Parser(text).parse();
}

Result<void> Filter::check_names(const std::function<bool(const std::string&)>& is_known,
                                 const std::vector<std::string>& known) const {
  std::vector<Error> errors;
  root_->visit([&](const Node& node) {
    const bool named = node.kind == Kind::comparison || node.kind == Kind::undefined;
    if (!named || is_known(node.name))
      return;
    const std::string meant = did_you_mean(node.name, known);
    errors.push_back(
        make_error(ErrorCode::usage, "there is no column '{}'", printable(node.name))
            .at(node.where)
            .with_hint("{}",
                       meant.empty() ? fmt::format("there are {}", quoted_list(known)) : meant));
  });
  if (!errors.empty())
    return Failure(join(std::move(errors)));
  return {};
}

bool Filter::matches(const std::function<Value(const std::string&)>& value_of) const {
  return root_->holds(value_of);
}

}  // namespace dstack::query
