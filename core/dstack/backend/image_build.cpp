#include "dstack/backend/image_build.hpp"

#include "dstack/base/mapped_file.hpp"
#include "dstack/base/text.hpp"

#include <algorithm>
#include <thread>

#include <unistd.h>

namespace dstack::backend {

namespace {

Json as_map(const std::vector<std::pair<std::string, std::string>>& pairs) {
  Json map = Json::object();
  for (const auto& [name, value] : pairs)
    map[name] = value;
  return map;
}

/// What only BuildKit understands, which is not reached by the API alone.
bool needs_buildkit(const std::string& message) {
  const std::string lower = to_lower(message);
  for (const std::string_view sign : {"buildkit", "unknown flag", "unknown instruction"})
    if (lower.find(sign) != std::string::npos)
      return true;
  return false;
}

Failure build_error(const BuildRequest& request, const std::string& message) {
  return fail(ErrorCode::unavailable,
              "the image of '{}' cannot be built: {}",
              request.dockerfile,
              message)
      .with_hint(
          "{}",
          needs_buildkit(message)
              ? "engines build for others without BuildKit: leave out what only BuildKit "
                "knows, such as 'RUN --mount' and '<<EOF', or build it yourself with 'docker "
                "build -t NAME .' and write 'image: NAME'"
              : "the output of the build is in the log of the job");
}

}  // namespace

std::string build_url(const BuildRequest& request) {
  std::string url = fmt::format("/build?rm=1&forcerm=1&t={}&dockerfile={}&labels={}",
                                http::encode(request.tag),
                                http::encode(request.dockerfile),
                                http::encode(render_json(as_map(request.labels))));
  if (!request.arguments.empty())
    url += "&buildargs=" + http::encode(render_json(as_map(request.arguments)));
  if (!request.target.empty())
    url += "&target=" + http::encode(request.target);
  if (!request.platform.empty())
    url += "&platform=" + http::encode(request.platform);
  return url;
}

std::string registry_config(const BuildRequest& request) {
  if (request.accounts.empty())
    return {};
  Json config = Json::object();
  for (const auto& [registry, user] : request.accounts)
    config[registry_key(registry)] = credentials(user);
  return base64_url(render_json(config));
}

std::vector<std::string> base_images(std::string_view dockerfile) {
  std::vector<std::string> images;
  std::vector<std::string> stages = {"scratch"};
  const auto add = [&](const std::string& image) {
    const auto is_it = [&](const std::string& known) { return known == image; };
    const bool is_number = image.find_first_not_of("0123456789") == std::string::npos;
    if (!is_number && image.find('$') == std::string::npos &&
        std::none_of(stages.begin(), stages.end(), is_it) &&
        std::none_of(images.begin(), images.end(), is_it))
      images.push_back(image);
  };
  for (const std::string_view line : split(dockerfile, '\n')) {
    std::vector<std::string> words;
    for (const std::string_view part : split(line, ' '))
      if (const std::string_view word = trim(part); !word.empty())
        words.emplace_back(word);
    const std::string instruction = words.empty() ? "" : to_upper(words.front());
    std::size_t at = 1;
    for (; at < words.size() && words[at].starts_with("--"); ++at)
      if (instruction == "COPY" && words[at].starts_with("--from="))
        add(words[at].substr(7));
    if (instruction != "FROM" || at >= words.size())
      continue;
    add(words[at]);
    if (at + 2 < words.size() && to_upper(words[at + 1]) == "AS")
      stages.push_back(words[at + 2]);
  }
  return images;
}

std::string_view container_of_step(std::string_view text) {
  constexpr std::string_view beginning = " ---> Running in ";
  constexpr std::size_t digits = 12;
  if (!text.starts_with(beginning))
    return {};
  const std::string_view id = trim(text.substr(beginning.size()));
  return id.size() == digits && id.find_first_not_of("0123456789abcdef") == std::string_view::npos
             ? id
             : std::string_view();
}

Result<void> build_image(const Engine& engine,
                         const BuildRequest& request,
                         int archive,
                         const std::function<void(std::string_view)>& output) {
  const auto context = MappedFile::of(archive);
  if (!context)
    return fail_errno("cannot read the context of the build");
  ProgressLines lines([&](const Json& line) {
    if (const std::string text = json_string(line, "stream"); !text.empty())
      output(text);
  });
  http::Request http;
  http.method = "POST";
  http.url = build_url(request);
  http.headers = {{"Content-Type", "application/x-tar"}};
  if (std::string config = registry_config(request); !config.empty())
    http.headers.emplace_back("X-Registry-Config", std::move(config));
  http.borrowed_body = context->bytes();
  std::string refusal;
  http.on_body = [&](const http::Response& head, std::string_view bytes) {
    if (head.status < 400)
      return lines.take(bytes);
    add_refusal(refusal, bytes);
    return true;
  };
  DSTACK_TRY(auto answer, engine.send(http));
  lines.end();
  if (answer.status >= 400) {
    answer.body = refusal;
    return build_error(request, engine_message(answer));
  }
  if (!lines.error().empty())
    return build_error(request, lines.error());
  return {};
}

Result<void> write_build_record(const Path& file,
                                const EngineAddress& engine,
                                std::string_view container) {
  return write_file_atomically(
      file,
      render_json({{"engine", render(engine)}, {"container", container}}) + "\n",
      Durable::no,
      0600);
}

Result<void> wait_for_build(const Path& file, std::chrono::milliseconds most) {
  if (::access(file.c_str(), F_OK) != 0)
    return {};
  DSTACK_TRY(const std::string text, read_file(file));
  DSTACK_TRY(const Json record, parse_json(text, "the record of a build"));
  ::unlink(file.c_str());
  const std::string container = json_string(record, "container");
  if (container.empty())
    return fail(ErrorCode::unavailable,
                "Podman goes on with the step of the image's build that it was at, until that ends "
                "by itself");
  const Json* address = json_member(record, "engine");
  DSTACK_TRY(const Engine engine,
             Engine::open(parse_engine_address(address == nullptr ? Json() : *address)));
  const auto until = std::chrono::steady_clock::now() + most;
  for (;;) {
    const auto found = engine.ask("GET", fmt::format("/containers/{}/json", container));
    if (!found && found.error().code == ErrorCode::not_found)
      return {};
    if (std::chrono::steady_clock::now() >= until)
      return fail(ErrorCode::unavailable,
                  "the container {} of the image's build is still there",
                  container)
          .with_hint("'docker rm -f {}' removes it", container);
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
}

}  // namespace dstack::backend
