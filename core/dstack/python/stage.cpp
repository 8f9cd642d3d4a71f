#include "dstack/python/stage.hpp"

#include "dstack/base/fd.hpp"
#include "dstack/base/path.hpp"
#include "dstack/base/stop_flag.hpp"

#include <map>
#include <vector>

#include <fcntl.h>

namespace dstack::python {

namespace {

constexpr const char* code_name = ".code";
constexpr const char* outside_name = ".outside";

/// By hand: fs::copy_file() fails between some file systems, and an overlay is one of its own.
Result<void> copy_content(const Path& from, const Path& to) {
  constexpr std::size_t chunk = 1 << 20;
  DSTACK_TRY(const Fd source, open_source(from));
  DSTACK_TRY(const Fd target, open_file(to.string(), O_WRONLY | O_CREAT | O_EXCL));
  std::vector<char> buffer(chunk);
  for (;;) {
    DSTACK_CHECK(check_stop());
    DSTACK_TRY(const std::size_t count, read_some(source.get(), buffer.data(), buffer.size()));
    if (count == 0)
      return {};
    DSTACK_CHECK(write_all(target.get(), {buffer.data(), count}));
  }
}

Result<void> copy_tree(const Path& from, const Path& to) {
  DSTACK_CHECK(check_stop());
  boost::system::error_code error;
  const fs::file_status status = fs::symlink_status(from, error);
  if (status.type() == fs::symlink_file) {
    fs::copy_symlink(from, to, error);
  } else if (status.type() == fs::directory_file) {
    DSTACK_CHECK(make_folders(to));
    for (fs::directory_iterator entry(from, error), end; !error && entry != end;
         entry.increment(error))
      if (const Path name = entry->path().filename(); name != ".git" && name != "__pycache__")
        DSTACK_CHECK(copy_tree(entry->path(), to / name));
  } else if (status.type() == fs::regular_file) {
    DSTACK_CHECK(
        copy_content(from, to).map_error(while_doing(fmt::format("copying '{}'", from.string()))));
    fs::permissions(to, status.permissions() | fs::owner_write, error);
  }
  if (error)
    return fail_errno_of(error.value(), "cannot copy '{}'", from.string());
  return {};
}

Path normal(const Path& folder) {
  return (folder / "x").lexically_normal().parent_path();
}

std::string percent_encoded(const std::string& path) {
  static constexpr char digits[] = "0123456789ABCDEF";
  std::string url;
  for (const char c : path) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       std::string_view("/-._~+").find(c) != std::string_view::npos;
    if (plain)
      url += c;
    else
      url += {'%', digits[byte >> 4], digits[byte & 15]};
  }
  return url;
}

class Stage {
 public:
  Stage(const Requirements& requirements, const Path& code, const Path& folder)
      : requirements_(requirements), code_(code), folder_(folder) {}

  Result<void> write(const RequirementFile& file) {
    std::string text;
    for (const Piece& piece : file.pieces) {
      DSTACK_TRY(const std::string part, render(piece, text));
      text += part;
    }
    const Path path = folder_ / staged_name(file.name);
    DSTACK_CHECK(make_folders(path.parent_path()));
    return write_file_atomically(path, text, Durable::no);
  }

  /// Where a requirement file is copied to: its path from the project's root. The lines of a
  /// pyproject.toml are no TOML.
  static std::string staged_name(const std::string& name) {
    if (name.starts_with('/'))
      return outside_name + name;
    return job::format_of(job::parse_requirements_source(name)) == job::RequirementsFormat::project
               ? name + ".txt"
               : name;
  }

  Result<void> write(const CondaFile& file) {
    const Path path = folder_ / file.name;
    DSTACK_CHECK(make_folders(path.parent_path()));
    return write_file_atomically(path, file.text, Durable::no);
  }

  /// With all of the code where it installs some of it: its parts may refer to each other.
  Result<void> write(const LockedProject& project) {
    if (!project.local.empty())
      return copy({PieceKind::project, {}, code_, 0}).map([](const std::string&) {});
    const Path folder = staged_project(project, code_, folder_);
    DSTACK_CHECK(make_folders(folder));
    DSTACK_CHECK(write_file_atomically(folder / "pyproject.toml", project.project, Durable::no));
    return write_file_atomically(folder / "uv.lock", project.lock, Durable::no);
  }

 private:
  Result<std::string> render(const Piece& piece, std::string_view before) {
    switch (piece.kind) {
      case PieceKind::text:
        return piece.text;
      case PieceKind::include:
        if (!piece.text.starts_with('/') && is_below(piece.path.string(), code_.string()))
          return piece.text;
        return (folder_ / staged_name(requirements_.files[piece.target].name)).string();
      case PieceKind::wheels:
        return "file://" + percent_encoded(piece.path.string());
      case PieceKind::project:
      case PieceKind::local_file: {
        DSTACK_TRY(const std::string path, copy(piece));
        const std::string_view line = before.substr(before.rfind('\n') + 1);
        if (line.find('@') != std::string_view::npos)  // `name @ URL` does not take a plain path
          return "file://" + percent_encoded((folder_ / path).string());
        return "./" + path;
      }
    }
    return piece.text;
  }

  /// The copy's path, relative to the stage. A project inside the code is copied with all of it, as
  /// projects may refer to their neighbours.
  Result<std::string> copy(const Piece& piece) {
    const bool inside = is_below(piece.path.string(), code_.string());
    const Path source = inside && piece.kind == PieceKind::project ? code_ : piece.path;
    auto& target = copies_[source.string()];
    if (target.empty()) {
      const Path relative =
          inside ? Path(code_name) / source.lexically_relative(code_)
                 : Path(outside_name) / std::to_string(copies_.size()) / piece.path.filename();
      target = relative.lexically_normal().string();
      if (target.ends_with("/."))
        target.resize(target.size() - 2);
      boost::system::error_code error;
      if (fs::exists(folder_ / target, error))
        return target;
      DSTACK_CHECK(make_folders((folder_ / target).parent_path()));
      DSTACK_CHECK(copy_tree(source, folder_ / target));
    }
    if (source == piece.path)
      return target;
    return (Path(target) / piece.path.lexically_relative(code_)).lexically_normal().string();
  }

  const Requirements& requirements_;
  Path code_;
  Path folder_;
  std::map<std::string, std::string> copies_;
};

}  // namespace

Path staged_project(const LockedProject& project, const Path& code, const Path& stage) {
  if (project.local.empty())
    return stage / ".locked";
  return stage / code_name / project.folder.lexically_relative(normal(code));
}

Result<std::vector<std::string>> fill_stage(const Requirements& requirements,
                                            const Path& code,
                                            const Path& stage) {
  DSTACK_CHECK(make_folders(stage));
  Stage writer(requirements, normal(code), stage);
  for (const RequirementFile& file : requirements.files)
    DSTACK_CHECK(writer.write(file));
  if (requirements.conda)
    DSTACK_CHECK(writer.write(*requirements.conda));
  if (requirements.lock)
    DSTACK_CHECK(writer.write(*requirements.lock));
  std::vector<std::string> names;
  for (const std::size_t root : requirements.roots)
    names.push_back(Stage::staged_name(requirements.files[root].name));
  return names;
}

std::string without_stage(std::string list, const Path& stage) {
  const std::string url = "file://" + percent_encoded((stage / code_name).string());
  for (std::size_t at = list.find(url); at != std::string::npos; at = list.find(url, at + 1))
    list.replace(at, url.size(), ".");
  return list;
}

}  // namespace dstack::python
