#include "dstack/backend/container_image.hpp"

#include "dstack/base/quantity.hpp"
#include "dstack/base/text.hpp"

namespace dstack::backend {

namespace {

/// For a header of the API: base64 with `-` and `_`.
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

/// Engines report all of these with the same status, and with texts that differ between registries.
Failure pull_error(const std::string& image, const RegistryUser& user, const std::string& message) {
  const std::string registry = registry_of(image);
  if (contains_any(message,
                   {"unauthorized", "denied", "authentication required", "no basic auth", "403"}))
    return fail(ErrorCode::unavailable,
                "registry '{}' denies access to image '{}'{}: {}",
                registry,
                image,
                user.name.empty() ? "" : fmt::format(" to user '{}'", user.name),
                message)
        .with_hint(
            "{}",
            user.name.empty()
                ? "check the name of the image; if it needs an account, set 'registry_auth' to "
                  "its username and password"
                : "check 'registry_auth', and whether this account has access to the image");
  if (contains_any(message,
                   {"manifest unknown", "not found", "does not exist", "no such image", "404"}))
    return fail(ErrorCode::not_found,
                "there is no image '{}' at registry '{}': {}",
                image,
                registry,
                message)
        .with_hint("check its name and its tag");
  return fail(ErrorCode::unavailable,
              "cannot pull image '{}' from registry '{}': {}",
              image,
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

/// The answer to a pull while it arrives: one JSON object a line.
class PullAnswer {
  static constexpr std::size_t longest_line = 1 << 20;

 public:
  explicit PullAnswer(const std::function<void(const std::string&)>& tell) : tell_(tell) {}

  /// False when a line is too long for an engine's output.
  bool take(std::string_view bytes) {
    text_.append(bytes);
    std::size_t begin = 0;
    for (std::size_t end = 0; (end = text_.find('\n', begin)) != std::string::npos; begin = end + 1)
      take_line(std::string_view(text_).substr(begin, end - begin));
    text_.erase(0, begin);
    if (text_.size() <= longest_line)
      return true;
    text_.clear();
    error_ =
        fmt::format("a line of the engine's progress is longer than {}", render_size(longest_line));
    return false;
  }

  void end() { take_line(std::exchange(text_, {})); }

  const std::string& error() const { return error_; }

 private:
  void take_line(std::string_view text) {
    const auto line = parse_json(trim(text), "the progress of a pull");
    if (!line)
      return;
    if (const std::string error = error_in(*line); !error.empty())
      error_ = error;
    if (const auto sentence = progress_.take(*line))
      tell_(*sentence);
  }

  const std::function<void(const std::string&)>& tell_;
  PullProgress progress_;
  std::string text_;
  std::string error_;
};

}  // namespace

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
  if (const Json* config = json_member(json, "Config"); config != nullptr) {
    facts.user = json_string(*config, "User");
    facts.entrypoint = json_strings(*config, "Entrypoint");
    facts.command = json_strings(*config, "Cmd");
  }
  return facts;
}

Result<void> pull_image(const Engine& engine,
                        const std::string& image,
                        const RegistryUser& user,
                        const std::function<void(const std::string&)>& tell) {
  PullAnswer progress(tell);
  http::Request request;
  request.method = "POST";
  request.url = "/images/create?fromImage=" + http::encode(with_tag(image));
  if (!user.name.empty())
    request.headers = {{"X-Registry-Auth",
                        base64_url(render_json({{"username", user.name},
                                                {"password", user.password},
                                                {"serveraddress", registry_of(image)}}))}};
  std::string refusal;
  request.on_body = [&](const http::Response& head, std::string_view bytes) {
    if (head.status < 400)
      return progress.take(bytes);
    add_refusal(refusal, bytes);
    return true;
  };
  DSTACK_TRY(auto answer, engine.send(request));
  progress.end();
  if (answer.status >= 400) {
    answer.body = refusal;
    return pull_error(image, user, engine_message(answer));
  }
  if (!progress.error().empty())
    return pull_error(image, user, progress.error());
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
