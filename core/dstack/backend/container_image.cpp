#include "dstack/backend/container_image.hpp"

#include "dstack/base/quantity.hpp"
#include "dstack/base/text.hpp"

namespace dstack::backend {

namespace {

/// The name in a path of the API: its slashes stay.
std::string in_path(const std::string& image) {
  std::vector<std::string> parts;
  for (const std::string_view part : split(image, '/'))
    parts.push_back(http::encode(part));
  return join(parts, "/");
}

bool contains_any(const std::string& message, std::initializer_list<std::string_view> texts) {
  const std::string lower = to_lower(message);
  for (const std::string_view text : texts)
    if (lower.find(text) != std::string::npos)
      return true;
  return false;
}

/// What was asked of a registry.
struct Pull {
  const std::string& image;
  std::string platform;
  bool podman;
  const RegistryUser& user;
};

Failure access_denied(const Pull& pull, const std::string& message) {
  const std::string registry = registry_of(pull.image);
  const std::string login =
      fmt::format("'{} login {}'", pull.podman ? "podman" : "docker", registry);
  const RegistryUser& user = pull.user;
  return fail(ErrorCode::unavailable,
              "registry '{}' denies access to image '{}'{}: {}",
              registry,
              pull.image,
              user.name.empty() ? "" : fmt::format(" to user '{}'", user.name),
              message)
      .with_hint(
          "{}",
          user.anonymous()
              ? fmt::format("check the name of the image; if it needs an account, log in with {}, "
                            "or set 'registry_auth' to its username and password",
                            login)
          : user.source.empty()
              ? "check 'registry_auth', and whether this account has access to the image"
              : fmt::format("this is the account in '{}': {} renews it; check whether it has "
                            "access to the image",
                            user.source,
                            login));
}

/// Engines report all of these with the same status, and with texts that differ between registries.
Failure pull_error(const Pull& pull, const std::string& message) {
  const std::string registry = registry_of(pull.image);
  if (contains_any(message,
                   {"no matching manifest for",
                    "no match for platform",
                    "no image found in manifest list",
                    "no image found in image index"}))
    return fail(ErrorCode::not_found,
                "image '{}' is not there for the processor {}: {}",
                pull.image,
                pull.platform,
                message)
        .with_hint(
            "take another tag or image; 'platform: linux/arm64', or another that it is there for, "
            "pulls that one, which this machine runs only with emulation");
  if (contains_any(message,
                   {"unauthorized", "denied", "authentication required", "no basic auth", "403"}))
    return access_denied(pull, message);
  if (contains_any(message,
                   {"manifest unknown", "not found", "does not exist", "no such image", "404"}))
    return fail(ErrorCode::not_found,
                "there is no image '{}' at registry '{}': {}",
                pull.image,
                registry,
                message)
        .with_hint("check its name and its tag");
  return fail(ErrorCode::unavailable,
              "cannot pull image '{}' from registry '{}': {}",
              pull.image,
              registry,
              message)
      .with_hint("an image that the engine already has is used without a registry");
}

std::uint64_t unsigned_member(const Json& json, std::string_view name) {
  return static_cast<std::uint64_t>(std::max<std::int64_t>(0, json_integer(json, name)));
}

std::string error_in(const Json& line) {
  if (const Json* detail = json_member(line, "errorDetail"); detail != nullptr)
    if (const std::string message = json_string(*detail, "message"); !message.empty())
      return message;
  return json_string(line, "error");
}

}  // namespace

std::string base64_url(std::string_view bytes) {
  static constexpr char digits[] =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t group = 0;
    for (std::size_t k = 0; k < 3; ++k)
      group = group << 8U | (i + k < bytes.size() ? static_cast<unsigned char>(bytes[i + k]) : 0U);
    for (std::size_t k = 0; k < 4; ++k)
      text += i + k <= bytes.size() ? digits[group >> (18U - 6U * k) & 63U] : '=';
  }
  return text;
}

std::string registry_key(const std::string& registry) {
  return registry == "docker.io" ? "https://index.docker.io/v1/" : registry;
}

Json credentials(const RegistryUser& user) {
  return user.identity_token.empty() ? Json{{"username", user.name}, {"password", user.password}}
                                     : Json{{"identitytoken", user.identity_token}};
}

std::string registry_auth(const RegistryUser& user, const std::string& registry) {
  Json json = credentials(user);
  json["serveraddress"] = registry_key(registry);
  return base64_url(render_json(json));
}

bool ProgressLines::take(std::string_view bytes) {
  constexpr std::size_t longest_line = 1 << 20;
  text_.append(bytes);
  std::size_t begin = 0;
  for (std::size_t end = 0; (end = text_.find('\n', begin)) != std::string::npos; begin = end + 1)
    parse(std::string_view(text_).substr(begin, end - begin));
  text_.erase(0, begin);
  if (text_.size() <= longest_line)
    return true;
  text_.clear();
  error_ =
      fmt::format("a line of the engine's progress is longer than {}", render_size(longest_line));
  return false;
}

void ProgressLines::end() {
  parse(std::exchange(text_, {}));
}

void ProgressLines::parse(std::string_view text) {
  if (trim(text).empty())
    return;
  const auto line = parse_json(trim(text), "the progress of an engine");
  if (!line)
    return;
  if (const std::string error = error_in(*line); !error.empty())
    error_ = error;
  take_line_(*line);
}

bool ImageFacts::runs_as_root() const {
  const std::string name = user.substr(0, user.find(':'));
  return name.empty() || name == "0" || name == "root";
}

std::string with_tag(const std::string& image) {
  const std::size_t name = image.rfind('/');
  const std::string_view last =
      std::string_view(image).substr(name == std::string::npos ? 0 : name + 1);
  return last.find_first_of(":@") == std::string_view::npos ? image + ":latest" : image;
}

std::string registry_of(const std::string& image) {
  const std::size_t slash = image.find('/');
  const std::string host = slash == std::string::npos ? "" : image.substr(0, slash);
  return host == "localhost" || host.find_first_of(".:") != std::string::npos ? host : "docker.io";
}

Result<ImageFacts> find_image(const Engine& engine, const std::string& image) {
  DSTACK_TRY(const Json json, engine.ask("GET", fmt::format("/images/{}/json", in_path(image))));
  ImageFacts facts;
  facts.id = json_string(json, "Id");
  if (const std::string processor = json_string(json, "Architecture"); !processor.empty()) {
    const std::string variant = json_string(json, "Variant");
    facts.platform = normal_platform(fmt::format("{}/{}{}{}",
                                                 json_string(json, "Os", "linux"),
                                                 processor,
                                                 variant.empty() ? "" : "/",
                                                 variant));
  }
  if (const Json* config = json_member(json, "Config"); config != nullptr) {
    facts.user = json_string(*config, "User");
    facts.entrypoint = json_strings(*config, "Entrypoint");
    facts.command = json_strings(*config, "Cmd");
  }
  return facts;
}

bool fits(std::string_view platform, std::string_view wanted) {
  if (platform.empty() || wanted.empty())
    return true;
  const std::string is = normal_platform(platform);
  const std::string asked = normal_platform(wanted);
  const auto is_more_exact = [](const std::string& one, const std::string& other) {
    return one.starts_with(other + "/");
  };
  return is == asked || is_more_exact(is, asked) || is_more_exact(asked, is);
}

Result<void> pull_image(const Engine& engine,
                        const std::string& image,
                        const std::string& platform,
                        const RegistryUser& user,
                        const std::function<void(const std::string&)>& tell) {
  PullProgress progress;
  ProgressLines lines([&](const Json& line) {
    if (const auto sentence = progress.take(line))
      tell(*sentence);
  });
  http::Request request;
  request.method = "POST";
  request.url = "/images/create?fromImage=" + http::encode(with_tag(image));
  if (!platform.empty())
    request.url += "&platform=" + http::encode(platform);
  if (!user.anonymous())
    request.headers = {{"X-Registry-Auth", registry_auth(user, registry_of(image))}};
  std::string refusal;
  request.on_body = [&](const http::Response& head, std::string_view bytes) {
    if (head.status < 400)
      return lines.take(bytes);
    add_refusal(refusal, bytes);
    return true;
  };
  DSTACK_TRY(auto answer, engine.send(request));
  lines.end();
  const Pull pull{image, platform.empty() ? engine.platform() : platform, engine.is_podman(), user};
  if (answer.status >= 400) {
    answer.body = refusal;
    return pull_error(pull, engine_message(answer));
  }
  if (!lines.error().empty())
    return pull_error(pull, lines.error());
  return {};
}

std::optional<std::string> PullProgress::take(const Json& line) {
  const std::string layer = json_string(line, "id");
  const std::string status = json_string(line, "status");
  const Json* detail = json_member(line, "progressDetail");
  if (layer.empty() || (status != "Downloading" && status != "Download complete"))
    return std::nullopt;
  if (layers_.size() == most_layers && !layers_.contains(layer))
    return std::nullopt;
  Layer& known = layers_[layer];
  if (status == "Downloading" && detail != nullptr) {
    known.size = unsigned_member(*detail, "total");
    known.done = std::min(unsigned_member(*detail, "current"), known.size);
  } else {
    known.done = known.size;
  }
  std::uint64_t done = 0;
  std::uint64_t size = 0;
  for (const auto& [id, one] : layers_) {
    done += one.done;
    size += one.size;
  }
  const std::uint64_t tenths = size == 0 ? 0 : done * 10 / size;
  if (tenths <= reported_)
    return std::nullopt;
  reported_ = tenths;
  return fmt::format(
      "{} % of the image pulled: {} of {}", tenths * 10, render_size(done), render_size(size));
}

}  // namespace dstack::backend
