// What can go wrong, as a value. Every function that can fail for a reason outside the code returns
// Result<T>; exceptions mean a bug, and are caught where a library throws them.
#pragma once

#include "dstack/base/format.hpp"

#include <tl/expected.hpp>

#include <cerrno>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace dstack {

/// What the caller can do about it; chooses the exit code (spec, section 10).
enum class ErrorCode {
  usage,          ///< the command line is wrong: exit 2
  configuration,  ///< a file of the user's is wrong: exit 2
  not_found,      ///< a run, tag, artifact … that does not exist: exit 2
  conflict,       ///< it exists already, or is in use: exit 1
  unavailable,    ///< the machine lacks it: a Python, a GPU, permission, space: exit 1
  damaged,        ///< what was stored is not there, or not as it was stored: exit 1
  internal,       ///< the runner itself failed: exit 1
};

/// A text that errors point into: a file of the user's, or the command line. Shared by
/// all values read from it, and immutable, so any thread may read it.
struct SourceText {
  std::string name;  ///< as shown: a path relative to the project, or "command line"
  std::string text;  ///< the whole text, UTF-8
  /// Byte offset at which each line begins; filled by index_lines().
  std::vector<std::uint32_t> line_starts;

  /// The line (1-based) without its line ending; empty when there is none.
  std::string_view line(std::uint32_t number) const;
  void index_lines();
};

std::shared_ptr<const SourceText> make_source_text(std::string name, std::string text);

/// A place in a text. Lines and columns begin at 1 and count characters, not bytes. `length` is in
/// characters and at least 1: how many carets to draw.
struct SourceLocation {
  std::shared_ptr<const SourceText> source;
  std::uint32_t line = 0;
  std::uint32_t column = 0;
  std::uint32_t length = 1;

  /// `file:line:column`.
  std::string render() const;
};

/// Made by make_error() or fail(), and completed in one expression:
///
///     return fail(ErrorCode::not_found, "there is no run '{}'", name)
///         .at(place)
///         .with_hint("'dstack ps' lists them");
struct Error {
  ErrorCode code = ErrorCode::internal;
  int number = 0;       ///< the errno that it stands for; 0: none
  std::string message;  ///< one sentence, lower case, names in 'quotes', no full stop
  std::optional<SourceLocation> where = {};  ///< in the user's text, never in ours
  std::string hint = {};                  ///< the next step; may be empty, may have several lines
  std::vector<std::string> context = {};  ///< outermost first: "while planning workflow 'train'"
  std::vector<Error> also = {};           ///< further errors found at the same time, each complete

  /// In a user's text; a place without a text is ignored.
  Error&& at(SourceLocation place) &&;

  template <typename... Args>
  Error&& with_hint(fmt::format_string<Args...> format, Args&&... args) && {
    hint = fmt::format(format, std::forward<Args>(args)...);
    return std::move(*this);
  }
};

template <typename... Args>
Error make_error(ErrorCode code, fmt::format_string<Args...> format, Args&&... args) {
  return Error{code, 0, fmt::format(format, std::forward<Args>(args)...)};
}

template <typename T>
class [[nodiscard]] Result : public tl::expected<T, Error> {
 public:
  using tl::expected<T, Error>::expected;

  Result(tl::expected<T, Error>&& other) : tl::expected<T, Error>(std::move(other)) {}
};

/// An error on its way into a Result.
class [[nodiscard]] Failure : public tl::unexpected<Error> {
 public:
  explicit Failure(Error error) : tl::unexpected<Error>(std::move(error)) {}

  Failure&& at(SourceLocation place) && {
    std::move(value()).at(std::move(place));
    return std::move(*this);
  }

  template <typename... Args>
  Failure&& with_hint(fmt::format_string<Args...> format, Args&&... args) && {
    std::move(value()).with_hint(format, std::forward<Args>(args)...);
    return std::move(*this);
  }
};

template <typename... Args>
Failure fail(ErrorCode code, fmt::format_string<Args...> format, Args&&... args) {
  return Failure(make_error(code, format, std::forward<Args>(args)...));
}

inline Failure fail(Error error) {
  return Failure(std::move(error));
}

/// The error that `error_number` (an errno) stands for, its text after `message`: "cannot open
/// 'x': Permission denied". ENOSPC, EDQUOT, EACCES, EROFS and the like become
/// ErrorCode::unavailable with a fitting hint.
Error system_error(int error_number, std::string message);

template <typename... Args>
Failure fail_errno_of(int error_number, fmt::format_string<Args...> format, Args&&... args) {
  return Failure(system_error(error_number, fmt::format(format, std::forward<Args>(args)...)));
}

/// Whether there is no room: on the disk (ENOSPC), or within the user's share of it (EDQUOT). It
/// lasts until somebody makes room.
bool is_disk_full(int error_number);
bool is_disk_full(const Error& error);
/// Whether the same call may succeed a moment later: EMFILE, ENFILE, ENOMEM, EIO, EAGAIN, EINTR.
bool is_transient(const Error& error);

/// With errno as it is now.
template <typename... Args>
Failure fail_errno(fmt::format_string<Args...> format, Args&&... args) {
  return fail_errno_of(errno, format, std::forward<Args>(args)...);
}

/// One Error out of many (the first, with the rest in `also`). `errors` must not be empty.
Error join(std::vector<Error> errors);
/// The error and everything in `also`, flattened, in order.
std::vector<Error> flatten(Error error);

/// Adds "while …" to an error on its way up: `return read(p).map_error(while_doing("reading the tag
/// list"))`.
inline auto while_doing(std::string what) {
  return [what = std::move(what)](Error error) {
    error.context.insert(error.context.begin(), fmt::format("while {}", what));
    return error;
  };
}

/// Plain text of an error without the excerpt, for logs and records: "message (file:line:column);
/// hint".
std::string render(const Error& error);

}  // namespace dstack

#define DSTACK_CONCAT_(a, b) a##b
#define DSTACK_CONCAT(a, b) DSTACK_CONCAT_(a, b)

/// `DSTACK_TRY(const auto text, read_file(path));` declares the value or returns the error.
#define DSTACK_TRY(declaration, expression)                                               \
  auto DSTACK_CONCAT(dstack_result_, __LINE__) = (expression);                            \
  if (!DSTACK_CONCAT(dstack_result_, __LINE__))                                           \
    return ::dstack::Failure(std::move(DSTACK_CONCAT(dstack_result_, __LINE__)).error()); \
  declaration = std::move(*DSTACK_CONCAT(dstack_result_, __LINE__))

/// The same for Result<void>, and for values that are not wanted.
#define DSTACK_CHECK(expression)                                  \
  do {                                                            \
    if (auto dstack_result = (expression); !dstack_result)        \
      return ::dstack::Failure(std::move(dstack_result).error()); \
  } while (false)
