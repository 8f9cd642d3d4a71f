#include "dstack/job/input_file.hpp"

#include "dstack/base/json_fields.hpp"
#include "dstack/base/quantity.hpp"
#include "dstack/base/text.hpp"

namespace dstack::job {

template <class Fields, MaybeConst<InputFile> Self>
void fields(Fields& fields, Self& input) {
  fields.required("path", input.path);
  fields.required("at", input.at);
  fields.optional("link", input.link);
  fields.optional("folder", input.folder);
  fields.member("files", input.files);
  fields.member("size", input.size);
  fields.member("modified", input.modified);
  fields.optional("incomplete", input.incomplete);
  fields.optional("sha256", input.sha256);
  fields.optional("tree", input.tree);
}

template <class Fields, MaybeConst<EnvFile> Self>
void fields(Fields& fields, Self& file) {
  fields.required("path", file.path);
  fields.required("sha256", file.sha256);
  fields.required("mask", file.mask);
}

Path source_of(const Path& project, const InputFile& input) {
  const Path path(input.path);
  return path.is_absolute() ? path : project / path;
}

std::string describe(const InputFile& input) {
  std::string text = input.at;
  if (input.link)
    text += fmt::format(" -> {} (a symbolic link, not a copy)", input.path);
  else if (input.path != input.at)
    text += fmt::format(", a copy of {}", input.path);
  if (input.folder)
    text +=
        fmt::format(", {}{}", input.incomplete ? "more than " : "", plural(input.files, "file"));
  return text + fmt::format(", {}", render_size(input.size));
}

std::string describe(const EnvFile& file) {
  return fmt::format("{}, SHA-256 {}{}",
                     file.path,
                     file.sha256.render().substr(0, 12),
                     file.mask ? "" : ", values not masked");
}

void to_json(Json& json, const InputFile& input) {
  write_fields(json, input);
}

void from_json(const Json& json, InputFile& input) {
  read_fields(json, input, "input");
}

void to_json(Json& json, const EnvFile& file) {
  write_fields(json, file);
}

void from_json(const Json& json, EnvFile& file) {
  read_fields(json, file, "env_file");
}

}  // namespace dstack::job
