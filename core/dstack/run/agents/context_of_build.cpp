#include "dstack/run/agents/context_of_build.hpp"

#include "dstack/backend/docker_ignore.hpp"
#include "dstack/backend/tar_file.hpp"
#include "dstack/base/path.hpp"
#include "dstack/base/text.hpp"
#include "dstack/job/environment_names.hpp"
#include "dstack/job/job_spec.hpp"

#include <algorithm>
#include <set>

#include <fcntl.h>
#include <unistd.h>

namespace dstack::run {

namespace {

using files::EntryType;
using store::TreeFile;

constexpr const char* repository = "dstack-build";
constexpr const char* label = "dstack.build";
constexpr std::int64_t nanoseconds = 1'000'000'000;
/// Of a Dockerfile that is not in its context.
constexpr const char* foreign_dockerfile = ".dstack.Dockerfile";

/// The path as seen from a folder; empty when it is not below it.
std::string path_below(const std::string& folder, const std::string& path) {
  if (folder.empty())
    return path;
  return is_below(path, folder) && path.size() > folder.size() ? path.substr(folder.size() + 1)
                                                               : std::string();
}

const TreeFile* find_file(const std::vector<TreeFile>& files, const std::string& path) {
  const auto found = std::find_if(
      files.begin(), files.end(), [&](const TreeFile& file) { return file.path == path; });
  return found == files.end() ? nullptr : &*found;
}

/// A changed workflow is no reason for another image; a rule of the user's own takes it back in.
constexpr const char* own_rules = "**/.dstack\n";

/// The rules for this Dockerfile alone, else those of the context.
Result<backend::DockerIgnore> ignore_rules(const std::vector<TreeFile>& code,
                                           const job::ImageBuild& build,
                                           const store::ObjectStore& objects) {
  const std::string usual =
      build.context.empty() ? ".dockerignore" : build.context + "/.dockerignore";
  for (const std::string& path : {build.dockerfile + ".dockerignore", usual})
    if (const TreeFile* file = find_file(code, path); file != nullptr) {
      DSTACK_TRY(const std::string text, objects.read_blob(file->digest));
      return backend::DockerIgnore(own_rules + text);
    }
  return backend::DockerIgnore(own_rules);
}

/// All that the image depends on, each part with its end.
std::string digest_of(const ImageSource& source, const job::ImageBuild& build) {
  Sha256 hash;
  const auto add = [&](std::string_view text) {
    hash.update(text);
    hash.update(std::string_view("\0", 1));
  };
  add("dstack-build 1");
  add(source.request.platform);
  add(build.target);
  for (const auto& [name, value] : build.arguments)
    add(fmt::format("arg {}={}", name, value));
  add(source.request.dockerfile);
  add(source.dockerfile.digest.render());
  for (const TreeFile& file : source.files)
    add(fmt::format(
        "{} {} {} {}", static_cast<int>(file.type), file.closed, file.digest.render(), file.path));
  return hash.finish().render();
}

/// The caller's proxies: variables that every build knows without an ARG, and that stay out of the
/// image.
void add_proxies(const JobOrder& order, backend::BuildRequest& request) {
  for (const auto& [name, value] : order.environment) {
    const auto is_it = [&, &known = name](const auto& one) { return one.first == known; };
    if (job::is_proxy_variable(name) && !is_secret_variable(order, name) &&
        std::none_of(request.arguments.begin(), request.arguments.end(), is_it))
      request.arguments.emplace_back(name, value);
  }
}

Result<void> add_folders(const backend::TarWriter& tar,
                         const std::string& path,
                         std::set<std::string>& known) {
  for (std::size_t slash = path.find('/'); slash != std::string::npos;
       slash = path.find('/', slash + 1))
    if (std::string folder = path.substr(0, slash); known.insert(folder).second)
      DSTACK_CHECK(tar.add({folder + "/", '5', 0755}));
  return {};
}

Result<void> add_file(const backend::TarWriter& tar,
                      const TreeFile& file,
                      const std::string& path,
                      const store::ObjectStore& objects) {
  const std::int64_t time = file.modified / nanoseconds;
  if (file.type == EntryType::link) {
    DSTACK_TRY(std::string target, objects.read_blob(file.digest));
    return tar.add({path, '2', 0777, 0, time, std::move(target)});
  }
  DSTACK_CHECK(objects.prove(file));
  DSTACK_TRY(const Fd content, objects.open_blob(file));
  return tar.add_file({path, '0', files::usual_mode(file.type) & ~file.closed, file.size, time},
                      content.get());
}

}  // namespace

Result<ImageSource> image_source(const JobOrder& order) {
  const job::ImageBuild& build = *order.spec.container->build;
  const store::ObjectStore objects(files::Home{order.home});
  DSTACK_TRY(const std::vector<TreeFile> code, objects.list(order.code));
  const TreeFile* dockerfile = find_file(code, build.dockerfile);
  if (dockerfile == nullptr)
    return fail(ErrorCode::not_found,
                "there is no file '{}' in the code of the run",
                build.dockerfile)
        .with_hint("it is built from the code alone, without inputs and artifacts");
  ImageSource source;
  source.dockerfile = *dockerfile;
  DSTACK_TRY(source.text, objects.read_blob(dockerfile->digest));
  DSTACK_TRY(const auto ignored, ignore_rules(code, build, objects));
  const std::string inside = path_below(build.context, build.dockerfile);
  for (const TreeFile& file : code)
    if (std::string path = path_below(build.context, file.path);
        !path.empty() && (path == inside || !ignored.leaves_out(path))) {
      source.files.push_back(file);
      source.files.back().path = std::move(path);
    }
  source.request.dockerfile = inside.empty() ? foreign_dockerfile : inside;
  source.request.target = build.target;
  source.request.platform = order.spec.container->platform;
  source.request.arguments = build.arguments;
  const std::string key = digest_of(source, build);
  source.name = fmt::format("{}:{}", repository, key);
  source.request.tag = source.name;
  source.request.labels = {{label, key}};
  add_proxies(order, source.request);
  return source;
}

Result<Fd> write_context(const ImageSource& source,
                         const store::ObjectStore& objects,
                         const Path& folder) {
  Fd file(::open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  if (!file) {  // a file system without them
    const std::string path = (folder / "context.tar").string();
    DSTACK_TRY(file, open_file(path, O_RDWR | O_CREAT | O_TRUNC, 0600));
    ::unlink(path.c_str());
  }
  const backend::TarWriter tar(file.get());
  std::set<std::string> folders;
  for (const TreeFile& one : source.files) {
    DSTACK_CHECK(add_folders(tar, one.path, folders));
    DSTACK_CHECK(add_file(tar, one, one.path, objects));
  }
  if (source.request.dockerfile == foreign_dockerfile)
    DSTACK_CHECK(add_file(tar, source.dockerfile, foreign_dockerfile, objects));
  DSTACK_CHECK(tar.end());
  return file;
}

}  // namespace dstack::run
