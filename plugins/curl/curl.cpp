// The provider `curl`: one job, which downloads a file in the provider's own code.
#include "address.hpp"
#include "download.hpp"
#include "url.hpp"

#include <algorithm>
#include <filesystem>

#include <dstack/detail/git_name.hpp>
#include <dstack/provider.hpp>

namespace {

/// Relative to the working directory and normalized; must not leave it.
std::string checked_output(const dstack::Workflow& workflow) {
  const std::string text = workflow.text("output");
  const std::filesystem::path path = std::filesystem::path(text).lexically_normal();
  if (path.is_absolute() || *path.begin() == "..")
    throw dstack::PropertyError("output",
                                "'" + text + "' leads out of the working directory",
                                "write it as a path below it, such as data/file.zip");
  if (!dstack::git::git_part(path.string()).empty())
    throw dstack::PropertyError(
        "output", "'" + text + "' is in a repository of Git", "name another folder");
  if (!path.has_filename() || path == ".")
    throw dstack::PropertyError(
        "output", "'" + text + "' is not a file name", "add the name of the file");
  return path.string();
}

std::string checked_sha256(const dstack::Workflow& workflow) {
  const std::string digest = curl::lower(workflow.text("sha256"));
  const bool is_digest =
      digest.size() == 64 && digest.find_first_not_of("0123456789abcdef") == std::string::npos;
  if (!digest.empty() && !is_digest)
    throw dstack::PropertyError("sha256",
                                "'" + workflow.text("sha256") + "' is not a SHA-256 digest",
                                "write 64 hexadecimal digits, as sha256sum prints them");
  return digest;
}

bool has_several_lines(std::string_view value) {
  return value.find_first_of("\r\n") != std::string_view::npos;
}

dstack::Environment checked_headers(const dstack::Workflow& workflow) {
  dstack::Environment headers = workflow.environment("headers");
  for (const auto& [name, value] : headers) {
    const bool is_token = std::all_of(name.begin(), name.end(), [](unsigned char c) {
      return std::isalnum(c) || std::string_view("!#$%&'*+-.^_`|~").find(static_cast<char>(c)) !=
                                    std::string_view::npos;
    });
    if (name.empty() || !is_token)
      throw dstack::PropertyError("headers." + name, "'" + name + "' is not a valid header name");
    if (has_several_lines(value))
      throw dstack::PropertyError("headers." + name,
                                  "header '" + name + "' has more than one line");
  }
  return headers;
}

/// The headers to send, with the values of secrets: a line end in one would begin another header.
dstack::Environment headers_to_send(const dstack::Task& task) {
  dstack::Environment headers = task.secrets().environment("headers");
  for (const auto& [name, value] : headers)
    if (has_several_lines(value))
      throw dstack::Error("header '" + name + "' would have several lines",
                          "a secret in a header must be a single line, without a line end");
  return headers;
}

curl::Address checked_url(const dstack::Workflow& workflow) {
  try {
    return curl::parse_address(workflow.text("url"));
  } catch (const dstack::Error& error) {
    throw dstack::PropertyError("url", error.what(), error.hint());
  }
}

/// Runs a check and reports its error, so that the other checks run, too.
template <typename Check>
auto check(const dstack::Workflow& workflow, const Check& of) -> decltype(of(workflow)) {
  try {
    return of(workflow);
  } catch (const dstack::Error& error) {
    workflow.report(error);
    return {};
  }
}

constexpr std::int64_t usual_retries = 5;
constexpr std::int64_t most_retries = 1000;

std::int64_t checked_retries(const dstack::Workflow& workflow) {
  const std::int64_t retries = workflow.integer("http_retries", usual_retries);
  if (retries > most_retries)
    throw dstack::PropertyError("http_retries",
                                std::to_string(retries) + " is too often",
                                "write a number from 0 to " + std::to_string(most_retries));
  return retries;
}

class CurlProvider : public dstack::NativeProvider {
  std::vector<dstack::Job> plan(const dstack::Workflow& workflow) override {
    const curl::Address address = check(workflow, checked_url);
    const std::string output = check(workflow, checked_output);
    const std::string sha256 = check(workflow, checked_sha256);
    const dstack::Environment headers = check(workflow, checked_headers);
    const std::int64_t retries = check(workflow, checked_retries);
    if (!workflow.texts("setup").empty())
      workflow.report(dstack::PropertyError(
          "setup", "a download runs no commands", "put them into a workflow of provider 'bash'"));

    dstack::Job job;
    std::vector<std::string> names;
    for (const auto& [name, value] : headers)
      names.push_back(name);
    job.native = dstack::Native{{"url", address.shown}, {"output", output}};
    if (!sha256.empty())
      job.native->emplace_back("sha256", sha256);
    if (retries != usual_retries)
      job.native->emplace_back("http_retries", retries);
    if (!names.empty())
      job.native->emplace_back("headers", names);
    if (address.hides)
      job.native_secrets.emplace_back("url", workflow.text("url"));
    if (!headers.empty())
      job.native_secrets.emplace_back("headers", headers);
    // The file would not be kept otherwise.
    if (workflow.texts("artifacts").empty())
      job.artifacts = {output};
    return {job};
  }

  int run(const dstack::Task& task) override {
    const dstack::Properties secrets = task.secrets();
    curl::Wanted wanted;
    wanted.url = secrets.text("url", task.text("url"));
    wanted.output = task.text("output");
    wanted.sha256 = task.text("sha256");
    wanted.headers = headers_to_send(task);
    wanted.retries = task.integer("http_retries", usual_retries);
    return curl::download(wanted, task) ? 0 : 1;
  }
};

}  // namespace

DSTACK_PROVIDER(CurlProvider)
