#include "dstack/run/agents/image_provision.hpp"

#include "dstack/backend/registry_login.hpp"
#include "dstack/base/environment_variable.hpp"
#include "dstack/base/quantity.hpp"
#include "dstack/base/text.hpp"
#include "dstack/job/job_spec.hpp"
#include "dstack/job/status.hpp"
#include "dstack/run/agents/context_of_build.hpp"
#include "dstack/run/protocol/file_names.hpp"

#include <algorithm>
#include <chrono>

#include <unistd.h>

namespace dstack::run {

namespace {

using std::chrono::steady_clock;

void say(const std::string& sentence) {
  (void)write_all(STDOUT_FILENO, fmt::format("dstack: {}\n", sentence));
}

std::string time_since(steady_clock::time_point begin) {
  return render_duration(
      std::chrono::duration_cast<std::chrono::milliseconds>(steady_clock::now() - begin));
}

/// The workflow's own, else the one with which the user has logged in.
backend::RegistryUser account_for(const job::Container& wanted,
                                  const std::string& image,
                                  const backend::Engine& engine) {
  if (!wanted.username.empty())
    return {wanted.username, wanted.password};
  const auto files = backend::login_files(engine.is_podman(), nonempty_environment_variable);
  return backend::find_login(image, files, say);
}

Result<backend::ImageFacts> find_or_pull(const job::Container& wanted,
                                         const backend::Engine& engine,
                                         const AgentReporter& reporter) {
  auto found = backend::find_image(engine, wanted.image);
  if (!found && found.error().code != ErrorCode::not_found)
    return found;
  if (found && backend::fits(found->platform, wanted.platform))
    return found;
  reporter.status(job::Status::preparing);
  say(fmt::format("pulling image '{}'{}",
                  wanted.image,
                  wanted.platform.empty() ? "" : fmt::format(" for {}", wanted.platform)));
  const auto begin = steady_clock::now();
  const auto account = account_for(wanted, wanted.image, engine);
  DSTACK_CHECK(backend::pull_image(engine, wanted.image, wanted.platform, account, say));
  say(fmt::format("pulled image '{}' in {}", wanted.image, time_since(begin)));
  found = backend::find_image(engine, wanted.image);
  if (found && !backend::fits(found->platform, wanted.platform))
    return fail(ErrorCode::not_found,
                "image '{}' is for {}, and not there for {}",
                wanted.image,
                found->platform,
                wanted.platform)
        .with_hint("remove 'platform', or take another image");
  return found;
}

/// A foreign image may run, by emulation; when it does not, this is why.
void say_if_foreign(const ProvidedImage& image, const backend::Engine& engine) {
  if (!backend::fits(image.facts.platform, engine.platform()))
    say(fmt::format(
        "image '{}' is for the processor {}, and this machine is {}: it needs emulation",
        image.name,
        image.facts.platform,
        engine.platform()));
}

/// The accounts for the images that the build begins from.
void add_accounts(const job::Container& wanted,
                  const backend::Engine& engine,
                  ImageSource& source) {
  for (const std::string& image : backend::base_images(source.text)) {
    const std::string registry = backend::registry_of(image);
    const bool known = std::any_of(source.request.accounts.begin(),
                                   source.request.accounts.end(),
                                   [&](const auto& one) { return one.first == registry; });
    if (known || backend::find_image(engine, image))
      continue;
    auto account = account_for(wanted, image, engine);
    if (!account.anonymous())
      source.request.accounts.emplace_back(registry, std::move(account));
  }
}

Result<ProvidedImage> find_or_build(const JobOrder& order,
                                    const backend::Engine& engine,
                                    const Path& folder,
                                    const AgentReporter& reporter) {
  DSTACK_TRY(ImageSource source, image_source(order));
  if (auto found = backend::find_image(engine, source.name))
    return ProvidedImage{source.name, *std::move(found)};
  reporter.status(job::Status::preparing);
  const std::string& dockerfile = order.spec.container->build->dockerfile;
  say(fmt::format("building the image of '{}' from {} of the code",
                  dockerfile,
                  plural(source.files.size(), "file")));
  const auto begin = steady_clock::now();
  add_accounts(*order.spec.container, engine, source);
  const store::ObjectStore objects(files::Home{order.home});
  DSTACK_TRY(const Fd archive, write_context(source, objects, folder));
  // For the runner, when this process ends before the build: then the engine is still at it.
  const Path record = folder / file_names::build;
  if (engine.is_podman())
    (void)backend::write_build_record(record, engine.address(), {});
  const auto built =
      backend::build_image(engine, source.request, archive.get(), [&](std::string_view text) {
        if (const auto container = backend::container_of_step(text); !container.empty())
          (void)backend::write_build_record(record, engine.address(), container);
        (void)write_all(STDOUT_FILENO, text);
      });
  ::unlink(record.c_str());
  DSTACK_CHECK(built);
  say(fmt::format("built image '{}' in {}", source.name, time_since(begin)));
  DSTACK_TRY(auto facts, backend::find_image(engine, source.name));
  return ProvidedImage{source.name, std::move(facts)};
}

}  // namespace

Result<ProvidedImage> provide_image(const JobOrder& order,
                                    const backend::Engine& engine,
                                    const Path& folder,
                                    const AgentReporter& reporter) {
  const job::Container& wanted = *order.spec.container;
  ProvidedImage image;
  if (wanted.build) {
    DSTACK_TRY(image, find_or_build(order, engine, folder, reporter));
  } else {
    image.name = wanted.image;
    DSTACK_TRY(image.facts, find_or_pull(wanted, engine, reporter));
  }
  if (wanted.platform.empty())
    say_if_foreign(image, engine);
  return image;
}

}  // namespace dstack::run
