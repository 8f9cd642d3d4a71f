// Between C++ and the C tables; not for authors. Included by dstack/provider.hpp.
#pragma once

#include "dstack/provider.hpp"

#include <type_traits>

namespace dstack {
inline namespace provider_v0 {
namespace detail {

inline dstack_string view(std::string_view text) {
  return {text.data(), text.size()};
}

inline std::string copy(const dstack_string& text) {
  return text.size == 0 ? std::string()
                        : std::string(text.data, static_cast<std::size_t>(text.size));
}

inline void tell(const dstack_host_v0& host,
                 dstack_report* report,
                 std::string_view message,
                 std::string_view property = {},
                 std::string_view hint = {}) {
  const dstack_string texts[] = {view(message), view(property), view(hint)};
  host.report(report, &texts[0], &texts[1], &texts[2]);
}

/// Runs `call`; what it throws becomes a status and a report.
template <typename Call>
dstack_status guard(const dstack_host_v0& host, dstack_report* report, const Call& call) noexcept {
  try {
    call();
    return DSTACK_OK;
  } catch (const PropertyError& error) {
    tell(host, report, error.what(), error.property(), error.hint());
    return DSTACK_INVALID;
  } catch (const Error& error) {
    tell(host, report, error.what(), {}, error.hint());
    return DSTACK_INVALID;
  } catch (const std::exception& error) {
    tell(host, report, error.what());
    return DSTACK_EXCEPTION;
  } catch (...) {
    tell(host, report, "something that is not a std::exception");
    return DSTACK_EXCEPTION;
  }
}

/// The same around the work of a native job: what it throws becomes the reason of its failure.
template <typename Call>
int guard(const Task& task, const Call& call) noexcept {
  try {
    return call();
  } catch (const Error& error) {
    task.fail(error.what(), error.hint());
  } catch (const std::exception& error) {
    task.fail(std::string("the provider threw an exception: ") + error.what());
  } catch (...) {
    task.fail("the provider threw something that is not a std::exception");
  }
  return 1;
}

/// Writes jobs into the host. The host refuses what is not UTF-8; that is a fault of the provider.
class Writer {
 public:
  explicit Writer(const dstack_host_v0& host) : host_(host) {}

  void write(dstack_output* map, const Job& job) const {
    texts(map, "argv", job.argv);
    texts(map, "commands", job.commands);
    environment(map, job.environment);
    text(map, "working_dir", job.working_dir);
    texts(map, "artifacts", job.artifacts);
    if (job.resources)
      write(member(map, "resources"), *job.resources);
    if (job.python) {
      dstack_output* python = member(map, "python");
      host_.set_map(python);
      text(python, "version", job.python->version);
      texts(python, "requirements", job.python->requirements);
      texts(python, "packages", job.python->packages);
      texts(python, "index", job.python->index);
    }
    if (job.container)
      write(member(map, "container"), *job.container);
    if (job.native)
      write(member(map, "native"), *job.native, job.native_secrets);
    texts(map, "setup", job.setup);
    texts(map, "tools", job.tools);
    integer(map, "ports", job.ports);
    write(map, job.apps);
    text(map, "token", job.token);
    if (job.master)
      check(host_.set_integer(member(map, "master"), *job.master));
    static constexpr const char* workspaces[] = {"", "private", "copy", "project"};
    text(map, "workspace", workspaces[static_cast<int>(job.workspace)]);
    if (job.timeout > 0)
      integer(map, "timeout", static_cast<std::uint64_t>(job.timeout));
    integer(map, "retry", job.retry);
    text(map, "stop_signal", job.stop_signal);
  }

 private:
  void write(dstack_output* map, const Container& container) const {
    host_.set_map(map);
    text(map, "image", container.image);
    if (container.build)
      write(member(map, "build"), *container.build);
    texts(map, "entrypoint", container.entrypoint);
    text(map, "username", container.username);
    text(map, "password", container.password);
    text(map, "platform", container.platform);
    texts(map, "privileges", container.privileges);
  }

  void write(dstack_output* map, const Build& build) const {
    host_.set_map(map);
    text(map, "context", build.context);
    text(map, "dockerfile", build.dockerfile);
    if (!build.arguments.empty())
      set(member(map, "args"), build.arguments);
    text(map, "target", build.target);
  }

  void write(dstack_output* map, const Native& native, const Native& secrets) const {
    host_.set_map(map);
    for (const auto& [name, value] : native)
      std::visit([&, out = member(map, name)](const auto& alternative) { set(out, alternative); },
                 value);
    if (!secrets.empty())
      write(member(map, "secrets"), secrets, {});
  }

  void write(dstack_output* map, const std::vector<App>& apps) const {
    if (apps.empty())
      return;
    dstack_output* list = member(map, "apps");
    for (const App& app : apps) {
      dstack_output* entry = host_.append(list);
      host_.set_map(entry);
      text(entry, "name", app.name);
      integer(entry, "port", app.port);
      text(entry, "path", app.path);
      text(entry, "health", app.health);
      text(entry, "token_query", app.token_query);
    }
  }

  void write(dstack_output* map, const Resources& resources) const {
    host_.set_map(map);
    integer(map, "cpu", resources.cpu);
    integer(map, "memory", resources.memory);
    if (resources.gpu != 0 || !resources.gpu_name.empty() || resources.gpu_memory != 0) {
      dstack_output* gpu = member(map, "gpu");
      host_.set_map(gpu);
      integer(gpu, "count", resources.gpu);
      text(gpu, "name", resources.gpu_name);
      integer(gpu, "memory", resources.gpu_memory);
    }
    integer(map, "shm_size", resources.shm_size);
    boolean(map, "interruptible", resources.interruptible);
    boolean(map, "local", resources.local);
  }

  void environment(dstack_output* map, const Environment& environment) const {
    if (!environment.empty())
      set(member(map, "environment"), environment);
  }

  void text(dstack_output* map, std::string_view key, const std::string& value) const {
    if (!value.empty())
      set(member(map, key), value);
  }

  void texts(dstack_output* map,
             std::string_view key,
             const std::vector<std::string>& values) const {
    if (!values.empty())
      set(member(map, key), values);
  }

  void integer(dstack_output* map, std::string_view key, std::uint64_t value) const {
    if (value != 0)
      check(host_.set_integer(member(map, key), static_cast<std::int64_t>(value)));
  }

  void boolean(dstack_output* map, std::string_view key, bool value) const {
    if (value)
      check(host_.set_boolean(member(map, key), 1));
  }

  dstack_output* member(dstack_output* map, std::string_view key) const {
    const dstack_string name = view(key);
    return host_.set_member(map, &name);
  }

  void set(dstack_output* output, const std::string& value) const {
    const dstack_string text = view(value);
    if (host_.set_string(output, &text) != DSTACK_OK)
      throw std::runtime_error("a string of a job, or its key, is not UTF-8");
  }

  void set(dstack_output* output, std::int64_t value) const {
    check(host_.set_integer(output, value));
  }

  void set(dstack_output* output, bool value) const {
    check(host_.set_boolean(output, value ? 1 : 0));
  }

  void set(dstack_output* output, const std::vector<std::string>& values) const {
    check(host_.set_list(output));
    for (const std::string& value : values)
      set(host_.append(output), value);
  }

  void set(dstack_output* output, const Environment& values) const {
    check(host_.set_map(output));
    for (const auto& [name, value] : values)
      set(member(output, name), value);
  }

  static void check(dstack_status status) {
    if (status != DSTACK_OK)
      throw std::runtime_error("the host refused a value of a job");
  }

  const dstack_host_v0& host_;
};

/// The provider's table around one object of the author's class.
template <typename Class>
struct Adapter {
  explicit Adapter(const dstack_host_v0& its_host) : host(its_host) {
    table.struct_size = sizeof table;
    table.abi_minor = DSTACK_ABI_MINOR;
    table.instance = this;
    table.plan = &plan;
    if constexpr (std::is_base_of_v<NativeProvider, Class>) {
      table.extension = &extension;
      native.struct_size = sizeof native;
      native.abi_minor = DSTACK_ABI_MINOR;
      native.run = &run;
    }
  }

  static const void* DSTACK_CALL extension(void* instance, const dstack_string* id) {
    const bool is_native_job = id != nullptr && copy(*id) == DSTACK_NATIVE_JOB;
    return is_native_job ? &static_cast<Adapter*>(instance)->native : nullptr;
  }

  static std::int32_t DSTACK_CALL run(void* instance,
                                      const dstack_value* input,
                                      const dstack_task_v1* table_of_task) {
    Adapter& self = *static_cast<Adapter*>(instance);
    const Task task(self.host, input, *table_of_task);
    return guard(task, [&] {
      NativeProvider& provider = self.provider;
      return provider.run(task);
    });
  }

  static dstack_status DSTACK_CALL plan(void* instance,
                                        const dstack_value* workflow,
                                        dstack_output* jobs,
                                        dstack_report* report) {
    Adapter& self = *static_cast<Adapter*>(instance);
    return guard(self.host, report, [&] {
      const Writer writer(self.host);
      Provider& provider = self.provider;  // an author may have made plan() private
      for (const Job& job : provider.plan(Workflow(self.host, workflow, report))) {
        dstack_output* map = self.host.append(jobs);
        self.host.set_map(map);
        writer.write(map, job);
      }
    });
  }

  const dstack_host_v0& host;
  Class provider;
  dstack_provider_v0 table{};
  dstack_native_job_v1 native{};
};

template <typename Class>
dstack_status enter(const dstack_host_v0* host,
                    const dstack_provider_v0** out,
                    dstack_report* report) noexcept {
  if (host == nullptr || out == nullptr)
    return DSTACK_WRONG_USE;
  if (host->struct_size < sizeof(dstack_host_v0)) {
    if (DSTACK_HAS(host, report))
      tell(*host, report, "this version of dstack is older than the provider");
    return DSTACK_UNSUPPORTED;
  }
  return guard(*host, report, [&] {
    static Adapter<Class> adapter(*host);
    *out = &adapter.table;
  });
}

}  // namespace detail

inline Value Value::operator[](std::string_view key) const {
  const dstack_string name = detail::view(key);
  return {*host_, host_->member(value_, &name)};
}

inline std::string Value::key(std::uint64_t index) const {
  dstack_string text{};
  return host_->key(value_, index, &text) == DSTACK_OK ? detail::copy(text) : std::string();
}

inline std::optional<std::string> Value::text() const {
  dstack_string text{};
  if (host_->string(value_, &text) != DSTACK_OK)
    return std::nullopt;
  return detail::copy(text);
}

inline std::optional<std::int64_t> Value::integer() const {
  std::int64_t integer = 0;
  if (host_->integer(value_, &integer) != DSTACK_OK)
    return std::nullopt;
  return integer;
}

inline std::optional<bool> Value::boolean() const {
  std::int32_t boolean = 0;
  if (host_->boolean(value_, &boolean) != DSTACK_OK)
    return std::nullopt;
  return boolean != 0;
}

inline void Properties::wrong_type(std::string_view name, std::string_view asked) {
  throw std::logic_error("'" + std::string(name) + "' is declared with another type than " +
                         std::string(asked));
}

inline std::string Properties::text(std::string_view name, std::string_view fallback) const {
  const Value value = property(name);
  if (value.is_null())
    return std::string(fallback);
  std::optional<std::string> text = value.text();
  if (!text)
    wrong_type(name, "text");
  return *std::move(text);
}

inline std::int64_t Properties::integer(std::string_view name, std::int64_t fallback) const {
  const Value value = property(name);
  if (value.is_null())
    return fallback;
  const std::optional<std::int64_t> integer = value.integer();
  if (!integer)
    wrong_type(name, "integer");
  return *integer;
}

inline bool Properties::boolean(std::string_view name, bool fallback) const {
  const Value value = property(name);
  if (value.is_null())
    return fallback;
  const std::optional<bool> boolean = value.boolean();
  if (!boolean)
    wrong_type(name, "boolean");
  return *boolean;
}

inline std::vector<std::string> Properties::texts(std::string_view name) const {
  const Value list = property(name);
  if (!list.is_null() && list.kind() != DSTACK_LIST)
    wrong_type(name, "a list of texts");
  std::vector<std::string> texts;
  for (std::uint64_t i = 0; i < list.size(); ++i)
    texts.push_back(list[i].text().value_or(""));
  return texts;
}

inline Environment Properties::environment(std::string_view name) const {
  const Value map = property(name);
  if (!map.is_null() && map.kind() != DSTACK_MAP)
    wrong_type(name, "environment");
  Environment environment;
  for (std::uint64_t i = 0; i < map.size(); ++i)
    environment.emplace_back(map.key(i), map[i].text().value_or(""));
  return environment;
}

inline void Workflow::report(const Error& error) const {
  const auto* about = dynamic_cast<const PropertyError*>(&error);
  detail::tell(*host_,
               report_,
               error.what(),
               about != nullptr ? about->property() : std::string(),
               error.hint());
}

}  // namespace provider_v0
}  // namespace dstack
